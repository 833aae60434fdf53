"""The state machine of the enrolment, fed with a rendered face that was tracked once, key picture by key picture."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scripted_face import CHAINS, FPS, Performer, key_pictures, noisy

from mien.engines.consent.actions import PROMPTS
from mien.engines.consent.enrol import Enrolment, Evidence, Seen
from mien.engines.consent.errors import EnrolmentError
from mien.engines.consent.record import ACTIONS, Action
from mien.engines.consent.replay import ReplayGuard, small_grey
from mien.realtime.face import Face
from mien.realtime.frame import Frame, Pixels
from mien.realtime.tracker.mediapipe_tracker import MediaPipeTracker
from mien.realtime.tracker.model import landmarker_path

ALIKE = 0.8
NONCE = bytes(range(16))
Change = Callable[[Seen], Seen]


@pytest.fixture(scope="module")
def faces() -> Iterator[dict[str, Face]]:
    """Each key's face."""
    tracker = MediaPipeTracker(landmarker_path(), smoothing=None)
    found = {}
    for at, (name, pixels) in enumerate(key_pictures().items()):
        for again in range(2):
            ns = (2 * at + again) * 33_000_000
            (face,) = tracker(Frame(pixels, 2 * at + again, ns, ns))
        found[name] = replace(face, track_id=1)
    yield found
    tracker.close()


class Stage:
    """A performer whose faces are known, so that nothing has to be tracked."""

    def __init__(self, faces: dict[str, Face], performer: Performer | None = None, nonce: bytes = NONCE) -> None:
        self.faces = faces
        self.performer = Performer() if performer is None else performer
        self.enrolment = Enrolment(nonce, model="sface")
        self.said: list[str] = []

    def run(self, change: Change = lambda seen: seen, most: int = 1200) -> Evidence:
        """Play until it is over; `change` spoils what is seen."""
        for (at_ms, pixels), _ in zip(self.performer.frames(), range(most), strict=False):
            face = self.faces[self.performer.key]
            seen = Seen(at_ms, (face,), small_grey(pixels))
            if self.enrolment.wants_comparison(seen.faces):
                seen = replace(seen, similarity=ALIKE)
            step = self.enrolment.add(change(seen))
            if step.say:
                self.said.append(step.say)
                self.performer.hear(step.say)
            if step.done:
                return self.enrolment.result()
        raise AssertionError("it never ended")


def obeys(**instead: Action | None) -> Callable[[str], Action | None]:
    """Does what is said, but for some actions (by name, with _ for -) something else, or nothing."""

    def understand(said: str) -> Action | None:
        for action, text in PROMPTS.items():
            if text == said:
                return instead.get(action.replace("-", "_"), action)
        return None

    return understand


def test_whoever_follows_the_prompts_passes(faces: dict[str, Face]) -> None:
    stage = Stage(faces)
    evidence = stage.run()
    proof = evidence.proof
    assert sorted(each.action for each in proof.prompts) == sorted(ACTIONS)
    assert all(150 <= each.done_ms - each.asked_ms < 3000 for each in proof.prompts)
    assert (proof.similarity_min_milli, proof.similarity_median_milli) == (800, 800)
    assert proof.compared >= 6
    assert hashlib.sha256(evidence.transcript).hexdigest() == proof.transcript
    events = json.loads(evidence.transcript)["events"]
    assert [each["detail"] for each in events if each["event"] == "done"] == [each.action for each in proof.prompts]
    assert set(stage.said) >= set(PROMPTS.values())


def test_another_nonce_asks_in_another_order_and_at_other_times(faces: dict[str, Face]) -> None:
    runs = [Stage(faces, nonce=bytes([at]) * 16).run().proof.prompts for at in range(3)]
    orders = {tuple(each.action for each in prompts) for prompts in runs}
    assert len(orders) == 3
    gaps = {tuple(np.diff([each.asked_ms for each in prompts])) for prompts in runs}
    assert len(gaps) == 3


def test_a_still_photo_with_a_cameras_noise_follows_nothing(faces: dict[str, Face]) -> None:
    with pytest.raises(EnrolmentError, match=r"The prompt was not followed: .*each step has 10 seconds"):
        Stage(faces, Performer(understand=lambda _said: None)).run()


def test_a_still_photo_without_noise_is_a_frozen_picture(faces: dict[str, Face]) -> None:
    still = small_grey(key_pictures()["rest"])
    with pytest.raises(EnrolmentError, match="The picture stands still"):
        Stage(faces).run(lambda seen: replace(seen, small=still))


def test_a_recording_of_another_enrolment_does_what_was_not_asked(faces: dict[str, Face]) -> None:
    """The prompts of a second nonce, answered with the actions of the first."""
    order = [each.action for each in Stage(faces).run().proof.prompts]
    played = iter(order * 3)
    with pytest.raises(EnrolmentError, match=r"Something else was done|was not followed"):
        Stage(faces, Performer(understand=lambda said: next(played) if said in PROMPTS.values() else None),
              nonce=bytes([1]) * 16).run()  # fmt: skip


def test_one_mistake_is_asked_for_again(faces: dict[str, Face]) -> None:
    wrong = iter([True])

    def understand(said: str) -> Action | None:
        if said == PROMPTS["turn-left"] and next(wrong, False):
            return "turn-right"
        return obeys()(said)

    stage = Stage(faces, Performer(understand=understand))
    proof = stage.run().proof
    assert "That was something else (turn-right). Come back to rest." in stage.said
    assert stage.said.count(PROMPTS["turn-left"]) == 2
    assert proof.prompts[-1].action == "turn-left"


def test_left_for_right_again_and_again_ends_it(faces: dict[str, Face]) -> None:
    with pytest.raises(EnrolmentError, match=r"Something else was done .* 3 times \(last: turn-"):
        Stage(faces, Performer(understand=obeys(turn_left="turn-right", turn_right="turn-left"))).run()


def test_one_blink_is_not_two(faces: dict[str, Face], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CHAINS, "blink-twice", "b1 b2 b2 b1")
    with pytest.raises(EnrolmentError, match=r"was not followed: Blink twice"):
        Stage(faces).run()


def test_eyes_that_stay_shut_blink_not(faces: dict[str, Face], monkeypatch: pytest.MonkeyPatch) -> None:
    shut = " ".join(["b2"] * round(1.2 * FPS))
    monkeypatch.setitem(CHAINS, "blink-twice", f"{shut} rest rest {shut} rest")
    with pytest.raises(EnrolmentError, match=r"was not followed: Blink twice"):
        Stage(faces).run()


def test_whoever_moves_before_anybody_could_react_knew_it(faces: dict[str, Face]) -> None:
    class Prophet(Performer):
        def hear(self, said: str) -> None:
            super().hear(said)
            # At the height at once.
            self._queue = [key for key in self._queue if key != "rest" and key[-1] in "23"] + ["rest"]

    with pytest.raises(EnrolmentError, match=r"Something else was done .* \(last: too soon\)"):
        Stage(faces, Prophet(wait_s=0)).run()


@pytest.mark.parametrize(("similarity", "message"), [(0.44, "0.44 in the middle"), (0.2, "0.20 in the middle")])
def test_the_wrong_person(faces: dict[str, Face], similarity: float, message: str) -> None:
    def other(seen: Seen) -> Seen:
        return seen if seen.similarity is None else replace(seen, similarity=similarity)

    with pytest.raises(EnrolmentError, match=rf"somebody else than the pictures \(SFace: {message}"):
        Stage(faces).run(other)


def test_one_frame_of_somebody_else_is_enough(faces: dict[str, Face]) -> None:
    count = iter(range(10_000))

    def swapped(seen: Seen) -> Seen:
        return seen if seen.similarity is None or next(count) != 20 else replace(seen, similarity=0.1)

    with pytest.raises(EnrolmentError, match="somebody else than the pictures"):
        Stage(faces).run(swapped)


def test_a_face_that_is_never_compared_is_nobodys(faces: dict[str, Face]) -> None:
    with pytest.raises(EnrolmentError, match="could not be compared with the pictures"):
        Stage(faces).run(lambda seen: replace(seen, similarity=None))


def test_our_own_mark_ends_it_at_once(faces: dict[str, Face]) -> None:
    with pytest.raises(EnrolmentError, match="carries Mien's own mark: it shows a persona"):
        Stage(faces).run(lambda seen: replace(seen, marked=seen.at_ms > 3000))


def test_a_second_face_ends_it_but_not_a_glitch_of_the_tracker(faces: dict[str, Face]) -> None:
    other = replace(faces["l1"], track_id=2)

    def joined(frames: int) -> Change:
        left = [frames]

        def change(seen: Seen) -> Seen:
            if seen.at_ms > 2000 and left[0]:
                left[0] -= 1
                return replace(seen, faces=(*seen.faces, other))
            return seen

        return change

    assert Stage(faces).run(joined(2))
    with pytest.raises(EnrolmentError, match="There is a second face"):
        Stage(faces).run(joined(3))
    frames = iter(range(10_000))
    with pytest.raises(EnrolmentError, match="There is a second face"):  # that comes and goes
        Stage(faces).run(lambda seen: replace(seen, faces=(*seen.faces, other)) if next(frames) % 2 else seen)


def test_another_face_in_the_place_of_the_first_ends_it(faces: dict[str, Face]) -> None:
    def exchanged(seen: Seen) -> Seen:
        return replace(seen, faces=tuple(replace(each, track_id=1 + (seen.at_ms > 3000)) for each in seen.faces))

    with pytest.raises(EnrolmentError, match="Another face took the place"):
        Stage(faces).run(exchanged)


def test_a_face_that_leaves_and_pictures_that_stop(faces: dict[str, Face]) -> None:
    with pytest.raises(EnrolmentError, match="The face left the picture"):
        Stage(faces).run(lambda seen: replace(seen, faces=() if seen.at_ms > 3000 else seen.faces))
    with pytest.raises(EnrolmentError, match="The pictures stopped"):
        Stage(faces).run(lambda seen: replace(seen, at_ms=seen.at_ms + 900 * (seen.at_ms > 3000)))
    with pytest.raises(EnrolmentError, match="There was no face in the picture"):
        Stage(faces).run(lambda seen: replace(seen, faces=()))


def test_nothing_is_given_before_the_end() -> None:
    with pytest.raises(EnrolmentError, match="was not finished"):
        Enrolment(NONCE, model="sface").result()
    with pytest.raises(ValueError, match="16 bytes, not 3"):
        Enrolment(b"abc", model="sface")


# -- loops


def clip(seconds: float) -> list[Pixels]:
    """Somebody who nods and turns."""
    performer = Performer(seed=9)
    performer.hear(PROMPTS["turn-left"])
    return [pixels for (_, pixels), _ in zip(performer.frames(), range(round(seconds * FPS)), strict=False)]


def watched(pictures: Iterator[Pixels]) -> None:
    guard = ReplayGuard()
    for at, pixels in enumerate(pictures):
        guard.add(small_grey(pixels), round(1000 * at / FPS))


@pytest.mark.parametrize("noise", [False, True])
@pytest.mark.parametrize("drops", [False, True])
def test_a_looped_clip_is_known_again(noise: bool, drops: bool) -> None:
    once, rng = clip(2.5), np.random.default_rng(3)

    def looped() -> Iterator[Pixels]:
        for at in range(3 * len(once)):
            if not (drops and at % 11 == 7):
                picture = once[at % len(once)]
                yield noisy(picture.astype(np.float32), rng) if noise else picture

    with pytest.raises(EnrolmentError, match="was there before, movement for movement"):
        watched(looped())


def test_whoever_does_the_same_twice_is_no_loop() -> None:
    """The same key pictures, but the head sways elsewhere meanwhile."""
    performer = Performer(seed=4)

    def repeats() -> Iterator[Pixels]:
        for at, (_, pixels) in enumerate(performer.frames()):
            if at % 45 == 10:
                performer.hear(PROMPTS["turn-left"])
            if at == 400:
                return
            yield pixels

    watched(repeats())


def test_the_key_pictures_are_there() -> None:
    assert Path(__file__).with_name("scripted_face.jpg").stat().st_size < 300_000
    assert set(" ".join(CHAINS.values()).split()) <= set(key_pictures())
