"""The report in plain sentences.

Whatever is said here says what was found, never what that makes of the picture: no answer is a verdict, a missing mark
is no sign of anything, and a mark that is there is no seal of quality.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mien.engines.verify.marked import GATE, Marked
from mien.engines.verify.plain import plain
from mien.engines.verify.report import Looked, Report, session_name
from mien.engines.verify.signals.table import LEAST_AUC, Reading, Signals, reference
from mien.engines.verify.signed import Signed

#: What is said beside every answer of its kind.
SIGNED_LIMIT = (
    "A signature says that the file is as its signer left it. It does not say who the signer is: anybody can sign, "
    "under any name."
)
MARKED_LIMIT = (
    "This says that the mark is present, not that the file is authentic: a mark can be copied and subtracted."
)
UNMARKED_LIMIT = "That does not mean that the picture is real: other tools leave no such mark, and a mark can be lost."
UNREAD = (
    "A pattern like Mien's is there all the same, and what it says cannot be read: it is damaged, or several marks lie "
    "over each other."
)
#: Of the sync chips: twice what a mark has to reach.
UNREAD_SCORE = 2 * GATE
UNSIGNED_LIMIT = "That is no sign of anything: most files never had any, and most programs drop them."
SIGNALS_LIMIT = (
    "These are experiments. They are numbers, not a verdict: a bare face may lie outside its range, and a swapped one "
    "inside."
)


@dataclass(frozen=True, slots=True)
class Section:
    """One of the answers, in words.

    Attributes:
        title: "File", "Signed", "Marked" or "Signals".
        answer: one line.
        lines: sentences that belong to it.

    """

    title: str
    answer: str
    lines: tuple[str, ...]


def sections(report: Report) -> tuple[Section, ...]:
    """What was looked at, and the three answers, each by itself."""
    return (_file(report.file), _signed(report.signed), _marked(report), _signals(report.signals))


def report_text(report: Report) -> str:
    """The whole report for a terminal; no control character of the file's is in it."""
    blocks = []
    for section in sections(report):
        blocks.append("\n".join([f"{section.title}: {section.answer}", *(f"  {line}" for line in section.lines)]))
    return "\n\n".join(blocks)


def clock_text(seconds: float) -> str:
    """A time in the clip: "3.2 s" or "2:03.2"."""
    minutes, rest = divmod(max(seconds, 0.0), 60)
    return f"{int(minutes)}:{rest:04.1f}" if minutes else f"{rest:.1f} s"


def _file(file: Looked) -> Section:
    media = file.media
    kind = {"still": "a picture", "video": "a video", "live": "a live picture"}[media.kind]
    size = "" if media.size_bytes is None else f", {media.size_bytes / 1e6:.1f} MB"
    length = "" if media.duration_s is None else f", {clock_text(media.duration_s)}"
    answer = f"{plain(media.name)}, {kind} of {media.width}x{media.height} px{length}{size} ({plain(media.format)})"
    looked = "1 picture was" if file.pictures == 1 else f"{file.pictures} pictures were"
    return Section("File", answer, (f"{looked} looked at.", *(plain(note, 400) for note in file.notes)))


def _signed(signed: Signed) -> Section:
    problems = tuple(f"Problem: {plain(problem, 200)}." for problem in signed.problems)
    if signed.state == "none":
        return Section("Signed", "no content credentials were found.", (UNSIGNED_LIMIT,))
    if signed.state == "unsupported":
        return Section("Signed", "it cannot be said.", problems)
    if signed.state == "invalid":
        answer = "there are content credentials, and they do not hold for this file as it is now."
    else:
        answer = "yes, and the file is as its signer left it."
    return Section("Signed", answer, (*problems, *_signer(signed), SIGNED_LIMIT))


def _signer(signed: Signed) -> Iterator[str]:
    if signed.signer:
        whose = "it is your own certificate" if signed.trusted == "own" else "nobody here vouches for that name"
        yield f"Signer, as the certificate says: {plain(signed.signer)}; {whose}."
    if signed.generator:
        yield f"Made with, as the signer says: {plain(signed.generator)}."
    if signed.made_with_ai is None and signed.source_type:
        yield f"What it is, as the signer states: {plain(signed.source_type)}."
    if signed.made_with_ai is not None:
        source = f" ({plain(signed.source_type)})" if signed.source_type else ""
        took_part = "took part" if signed.made_with_ai else "took no part"
        yield f"The signer states that AI {took_part} in making the picture{source}."
    if signed.personas:
        yield f"Shown, as the signer states: {', '.join(plain(each) for each in signed.personas)}."
    if signed.watermark:
        yield f"Watermark that the signer states: {plain(signed.watermark)}."


def _marked(report: Report) -> Section:
    marked, still = report.marked, report.file.media.kind == "still"
    bound = f"Chance of finding any mark in unmarked pictures of this length: {_chance(marked)}."
    if not marked.found:
        # Chance alone hardly comes near the gate.
        unread = (UNREAD,) if marked.score >= UNREAD_SCORE else ()
        return Section("Marked", "no mark was found.", (*unread, UNMARKED_LIMIT, f"Score {marked.score:.1f}. {bound}"))
    since = "" if still or marked.since_s is None else f", since {clock_text(marked.since_s)}"
    share = "" if still else f", in {marked.coverage:.0%} of the time that was looked at"
    lines = [f"Score {marked.score:.1f}. {bound}", MARKED_LIMIT]
    if marked.payload is not None:
        lines.insert(0, f"The mark says: kind {marked.payload.kind}, session {session_name(marked.payload.session)}.")
    if report.own_since is not None:
        lines.insert(1, f"It is a session of yours, begun {report.own_since:%Y-%m-%d %H:%M} UTC.")
    if len(marked.sessions) > 1:
        names = ", ".join(session_name(session) for session in marked.sessions[:8])
        lines.insert(1, f"Marks of {len(marked.sessions)} sessions are in it: {names}.")
    return Section("Marked", f"yes{since}{share}.", tuple(lines))


def _chance(marked: Marked) -> str:
    return f"at most {marked.false_positive_bound:.1e}"


def _signals(signals: Signals) -> Section:
    if signals.state == "not measured":
        return Section("Signals", f"not measured: {plain(signals.reason, 300).rstrip('.')}.", ())
    answer = f"experimental numbers shown: {len(signals.readings)}; no verdict."
    lines = [reading_line(reading) for reading in signals.readings]
    if signals.left_out:
        lines.append(f"Not shown, because their measured AUC is below {LEAST_AUC}: {len(signals.left_out)}.")
    return Section("Signals", answer, (*lines, conditions_line(), SIGNALS_LIMIT))


def reading_line(reading: Reading) -> str:
    """One signal: its number, what bare faces gave, and how well it separated."""
    value = "nothing to measure" if reading.value is None else f"{reading.value:.{reading.digits}f} {reading.unit}"
    low, high = (f"{bound:.{reading.digits}f}" for bound in (reading.low, reading.high))
    return f"{reading.title}: {value} (bare faces: {low} to {high}; AUC {reading.auc:.2f})."


def conditions_line() -> str:
    """On how much the ranges and AUCs stand."""
    data = reference()
    runs = max(row["runs"]["bare, as written"] for row in data["signals"].values())
    return (
        f"AUC 0.5 is chance. The figures stand on {data['clips']} clips ({data['rendered_clips']} rendered) and {runs} "
        "runs a side, so they are good to about 0.2; each is the worst of four conditions. See docs/verify.md."
    )
