from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from mien.engines.verify.looks import MediaInfo
from mien.engines.verify.marked import Marked, MarkWindow
from mien.engines.verify.plain import plain
from mien.engines.verify.report import Looked, Report
from mien.engines.verify.report_page import report_page, timeline
from mien.engines.verify.report_text import (
    MARKED_LIMIT,
    SIGNALS_LIMIT,
    SIGNED_LIMIT,
    UNMARKED_LIMIT,
    UNREAD,
    UNSIGNED_LIMIT,
    clock_text,
    report_text,
    sections,
)
from mien.engines.verify.signals.table import Reading, Signals
from mien.engines.verify.signed import Signed
from mien.realtime.watermark.payload import Payload

PAYLOAD = Payload("persona", 0x3F00BEEF, 0x2ABCDEF)
HOSTILE = "<script>alert('x')</script>\x1b[31m\u202eevil\0\n&amp;\"' onload=x"

MEDIA = MediaInfo("talk.mp4", "video", "mov h264", 1280, 720, 1_234_567, 83.2, 2496, 30.0)
UNMARKED = Marked(False, 3.1, 1.2e-7, None, (), None, 0.0, (MarkWindow(0.0, 83.2, 3.1, None, False, False, 1.0),))
MARKED = Marked(
    True, 41.5, 1.2e-7, PAYLOAD, (PAYLOAD.session,), 2.0, 0.98,
    (MarkWindow(0.0, 2.0, 3.0, None, False, False, 1.0), MarkWindow(2.0, 83.2, 41.5, PAYLOAD, True, False, 0.6)),
)  # fmt: skip
SIGNED = (
    Signed("none"),
    Signed("unsupported", problems=("this kind of file carries no content credentials",)),
    Signed("invalid", ours=True, signer="Mien", problems=("the picture or sound data was changed after signing",)),
    Signed("valid", ours=True, signer="Mien recording", generator="Mien 0.1.0", made_with_ai=True,
           source_type="compositeWithTrainedAlgorithmicMedia", watermark="43f00beef2abcdef"),
    Signed("valid", trusted="own", signer="Somebody", made_with_ai=False, source_type="digitalCapture"),
)  # fmt: skip
MARKS = (UNMARKED, MARKED, replace(MARKED, sessions=(1, 2), payload=replace(PAYLOAD, kind="slate")))
READING = Reading("blink_rate", "Blinks", "a minute", 14.0, 0, 4.0, 30.0, 0.71)
SIGNALS = (
    Signals("not measured", "they were not asked for"),
    Signals("measured", "", (), ("blink_rate",), 3, 200),
    Signals("measured", "", (READING, replace(READING, name="x", value=None)), ("blockiness",), 3, 200),
)
STILL = replace(MEDIA, kind="still", duration_s=None, pictures=1, fps=None)
ALL = [
    Report(Looked(media, 2496, 83.1, ("It is cut off.",)), signed, marked, signals)
    for media, signed, marked, signals in itertools.product((MEDIA, STILL), SIGNED, MARKS, SIGNALS)
]
#: What must not be said of a picture, in any form.
VERDICTS = re.compile(
    r"\b(fake|deep-?fake|real|really|authentic|authenticity|genuine|forged|forgery|fraud\w*|manipulated|tampered|"
    r"trustworthy|untrustworthy|suspicious|safe|unsafe|likely|probably|human|true|false|original|doctored)\b",
    re.IGNORECASE,
)  # fmt: skip


def report(**changes: object) -> Report:
    return replace(Report(Looked(MEDIA, 2496, 83.1, ()), SIGNED[0], UNMARKED, SIGNALS[0]), **changes)


@pytest.mark.parametrize("one", ALL, ids=lambda one: f"{one.signed.state}-{one.marked.found}-{one.signals.state}")
def test_no_answer_is_a_verdict_whatever_the_answers_are(one: Report) -> None:
    page = re.sub(r"<style>.*?</style>|<!DOCTYPE[^>]*>", "", report_page(one), flags=re.DOTALL)
    for text in (report_text(one), page.replace("&#x27;", "'")):
        # The two sentences that say what an answer does NOT mean are the only ones that have such a word.
        for limit in (MARKED_LIMIT, UNMARKED_LIMIT):
            text = text.replace(limit, "")
        assert VERDICTS.findall(text) == []


@pytest.mark.parametrize("one", ALL, ids=lambda one: f"{one.signed.state}-{one.marked.found}-{one.signals.state}")
def test_each_answer_depends_on_itself_alone(one: Report) -> None:
    _, signed, marked, signals = sections(one)
    for other in ALL:
        theirs = sections(other)
        if other.signed == one.signed:
            assert theirs[1] == signed
        if other.marked == one.marked and other.file.media == one.file.media:
            assert theirs[2] == marked
        if other.signals == one.signals:
            assert theirs[3] == signals


def test_every_answer_says_what_it_does_not_mean() -> None:
    for one in ALL:
        text = report_text(one)
        assert (MARKED_LIMIT in text) == one.marked.found
        assert (UNMARKED_LIMIT in text) == (not one.marked.found)
        assert (SIGNED_LIMIT in text) == (one.signed.state in ("valid", "invalid"))
        assert (UNSIGNED_LIMIT in text) == (one.signed.state == "none")
        assert (SIGNALS_LIMIT in text) == (one.signals.state == "measured")


def test_the_sentences_of_a_marked_and_signed_file() -> None:
    text = report_text(Report(Looked(MEDIA, 2496, 83.1, ()), SIGNED[3], MARKED, SIGNALS[2]))
    assert "File: talk.mp4, a video of 1280x720 px, 1:23.2, 1.2 MB (mov h264)" in text
    assert "Marked: yes, since 2.0 s, in 98% of the time that was looked at." in text
    assert "kind persona, session 3f00beef" in text
    assert "at most 1.2e-07" in text
    assert "Signer, as the certificate says: Mien recording; nobody here vouches for that name." in text
    assert "states that AI took part in making the picture (compositeWithTrainedAlgorithmicMedia)" in text
    assert "Blinks: 14 a minute (bare faces: 4 to 30; AUC 0.71)." in text
    assert "Blinks: nothing to measure" in text


def test_the_document_has_three_answers_and_nothing_but_plain_values() -> None:
    for one in ALL:
        document = json.loads(json.dumps(one.to_json(), allow_nan=False))
        assert set(document) == {"file", "signed", "marked", "signals"}
        assert document["marked"]["found"] is one.marked.found
        assert document["signed"]["state"] == one.signed.state
    marked = report(marked=MARKED).to_json()["marked"]
    assert marked["payload"] == {
        "kind": "persona", "session": "3f00beef", "commitment": "2abcdef", "bits": f"{PAYLOAD.to_int():016x}"
    }  # fmt: skip
    assert marked["sessions"] == ["3f00beef"]
    assert marked["windows"][1]["mirrored"] is True
    assert marked["windows"][1]["flipped"] is False


class Reader(HTMLParser):
    """Tags and attributes of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


def test_a_pattern_that_cannot_be_read_is_told_without_a_verdict() -> None:
    faint, strong = (
        next(
            each for each in sections(replace(ALL[0], marked=replace(UNMARKED, score=score))) if each.title == "Marked"
        )
        for score in (9.0, 60.0)
    )
    assert UNREAD not in faint.lines
    assert strong.lines[0] == UNREAD
    assert strong.answer == faint.answer == "no mark was found."


def test_hostile_texts_are_shown_as_text_in_one_line() -> None:
    media = replace(MEDIA, name=HOSTILE, format=HOSTILE)
    signed = replace(SIGNED[2], signer=HOSTILE, generator=HOSTILE, source_type=HOSTILE, problems=(HOSTILE,))
    hostile = Report(Looked(media, 1, 0.0, (HOSTILE,)), signed, MARKED, Signals("not measured", HOSTILE))
    text = report_text(hostile)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)
    # Two lines more than of the same report without a maker and a source type.
    assert len(text.splitlines()) == len(report_text(Report(Looked(MEDIA, 1, 0.0, ("a",)), SIGNED[2], MARKED,
                                                           SIGNALS[0])).splitlines()) + 2  # fmt: skip
    page = report_page(hostile)
    reader = Reader(page)
    assert "script" not in reader.tags
    assert not [name for name, _ in reader.attributes if name.startswith("on")]
    assert "&lt;script&gt;" in page


def test_the_page_needs_nothing_and_runs_nothing() -> None:
    page = report_page(report(marked=MARKED))
    reader = Reader(page)
    assert not {"script", "link", "img", "iframe", "object", "base"} & set(reader.tags)
    assert not [name for name, value in reader.attributes if name in ("href", "src", "style")]
    policy = next(value for name, value in reader.attributes if value and value.startswith("default-src"))
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy.startswith("default-src 'none';")
    assert f"'sha256-{digest}'" in policy
    assert "unsafe" not in policy


def test_the_timeline_shows_when_the_mark_was_found() -> None:
    picture = timeline(report(marked=MARKED))
    bars = re.findall(r'<rect x="([\d.]+)" y="0" height="26" width="([\d.]+)" fill="(#\w+)"', picture)
    # Two seconds of 83.2 without, the rest with it, on a line of 800.
    assert [(float(x), float(width)) for x, width, _ in bars] == [
        (0.0, pytest.approx(19.23, abs=0.01)), (pytest.approx(19.23, abs=0.01), pytest.approx(780.77, abs=0.01))
    ]  # fmt: skip
    assert bars[0][2] != bars[1][2]
    assert "1:23.2" in picture
    assert ElementTree.fromstring(picture).tag == "svg"
    assert timeline(report(file=Looked(STILL, 1, 0.0, ()), marked=MARKED)) == ""
    assert timeline(report(marked=replace(UNMARKED, windows=()))) == ""


def test_texts_are_bounded_and_times_are_read_easily() -> None:
    assert plain("a" * 500) == "a" * 119 + "…"
    assert plain("a\u202eb\ud800c\te") == "a b c e"
    assert [clock_text(value) for value in (0.0, 59.94, 61.0, -1.0)] == ["0.0 s", "59.9 s", "1:01.0", "0.0 s"]


def test_every_key_of_the_document_is_explained() -> None:
    text = (Path(__file__).parents[2] / "docs" / "verify.md").read_text(encoding="utf-8")
    document = report(marked=MARKED, signed=SIGNED[3], signals=SIGNALS[2]).to_json()
    keys = {key for answer in document.values() for key in answer}
    keys |= set(document) | set(document["marked"]["payload"]) | set(document["signals"]["readings"][0])
    assert {key for key in keys if f"`{key}`" not in text} == set()
