"""The footage road: recordings of a consented person become training samples, as the cast's renders do.

What a decoder must paint and what the encoder sees come from the same frames, so that training on them is
self-reconstruction: of the persona's recordings, and beside them of the driver's own, by a decoder that is thrown away
(the shared encoder and two decoders of the first face swaps). Whose footage it is and whether they agreed is asked
before this is called.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from mien.engines.personas.manifest import check_persona_name
from mien.engines.swapnet.coverage import Coverage, Role, cover
from mien.engines.swapnet.footage_files import check_folder, write_samples
from mien.engines.swapnet.gather import LEAST_FACE_PX, MOST_YAW_DEG, Gathering, Shot, Track, furthest
from mien.engines.swapnet.people import Eyewitness, Person, contact_sheet, of_note
from mien.engines.swapnet.recordings import Recordings, Watch, count_frames, list_recordings
from mien.realtime.errors import ConfigError, SourceError
from mien.realtime.face import Face, Neutral
from mien.realtime.frame import Floats
from mien.realtime.neutral import NeutralEstimator

Progress = Callable[[int, int | None], None]

#: Fewer frames than these teach faces by heart; the cast's drivers stand beside a driver's own.
LEAST_KEPT: Final[dict[str, int]] = {"persona": 300, "driver": 100}
#: Beyond this nothing is learnt, and memory ends: 50 KB each.
MOST_KEPT: Final = 20_000
#: The picture of who is there, when there are several people.
SHEET_FILE = "people.png"
_UNSURE = f"landmarks alone, which mistake some: look at {SHEET_FILE}. With ONNX Runtime and SFace faces are compared."
#: Why a face or a frame was left.
REASONS: Final = (
    "no face", "small", "turned too far", "cut off", "several faces", "blurred", "duplicate", "more than asked",
    "other person",
)  # fmt: skip
#: Blurred beside the person's other frames: a head that moves, a focus that hunts.
_SOFT_SHARE = 0.35
#: Faces at rest from which the resting face is estimated, and what each counts for, ns: the estimator's longest step.
_CALM_FACES, _CALM_STEP_NS = 300, 100_000_000


@dataclass(frozen=True, slots=True)
class Extraction:
    """What became of the footage.

    Attributes:
        frames_seen: of all recordings; a picture is one.
        faces_found: in them; `kept` and all of `dropped` but "no face" add up to it.
        kept: samples.
        dropped: how many faces (of "no face", frames) were left, by the `REASONS` that occurred.
        coverage: what the kept ones show.
        advice: what to record next, most needed first.
        notes: what was passed over or damaged, and what people were told apart by.
        people: how many were seen for more than a moment.

    """

    frames_seen: int
    faces_found: int
    kept: int
    dropped: Mapping[str, int]
    coverage: Coverage
    advice: tuple[str, ...]
    notes: tuple[str, ...] = ()
    people: int = 1

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "frames_seen": self.frames_seen,
            "faces_found": self.faces_found,
            "kept": self.kept,
            "dropped": dict(self.dropped),
            "coverage": self.coverage.as_dict(),
            "advice": list(self.advice),
            "notes": list(self.notes),
            "people": self.people,
        }


class FootageError(SourceError):
    """Footage that no persona can be made of.

    Attributes:
        extraction: what was found, for a table of what is missing; None where nothing was.
        sheet: the picture of who is there, where one of several must be chosen.

    """

    def __init__(
        self, message: str, *, hint: str = "", extraction: Extraction | None = None, sheet: Path | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.extraction = extraction
        self.sheet = sheet


def extract(
    sources: Sequence[Path],
    out: Path,
    *,
    role: Role,
    name: str,
    most: int = 6000,
    least: int | None = None,
    choose_person: int | Collection[int] | None = None,
    on_progress: Progress | None = None,
) -> Extraction:
    """Turn recordings of one person into shards of samples.

    It always starts clean: a folder that holds an earlier extraction under the same name and role keeps it until the
    new one is there, and then has the new one alone. The same footage gives the same shards on the same machine.

    Args:
        sources: videos, pictures and folders of them, in this order.
        out: folder for the shards, `coverage.json` and, where several people are seen, `people.png`.
        role: whose they are: of a driver smaller faces and less of a range will do.
        name: of the shards that a decoder learns from; the driver's number comes from it too.
        most: samples to keep, 1 to 20,000; about 50 KB of memory each.
        least: fewer are refused; default: `LEAST_KEPT`.
        choose_person: number on the sheet, from 1; only needed where there are several. Several numbers are taken for
            one person whom it shows more than once.
        on_progress: called with frames read and frames in all (None: unknown) after each.

    Raises:
        ConfigError: an argument out of its range, or `out` holds something else.
        FootageError: no usable face, several people and none chosen, or too little of one.
        SourceError: a file that was named cannot be read, or a folder holds none.
        PersonaError: a name that no persona can have.

    """
    numbers = {choose_person} if isinstance(choose_person, int) else set(choose_person or ())
    least = _check(role, name, most, least, numbers)
    check_folder(out, role, name)
    recordings = list_recordings(sources)
    gathering = Gathering(role, most)
    notes = [*recordings.notes, *_watch(gathering, recordings, on_progress or (lambda _done, _total: None))]
    shots, places = gathering.pool.shots()
    witness = Eyewitness()
    people = of_note(witness.people(gathering.tracks, shots))
    if not people:
        raise _nobody(role, gathering, recordings)
    person = _chosen(people, numbers, lambda: _write_sheet(out, people, shots))
    if not witness.sure:
        notes.append(f"People were told apart by {_UNSURE}")
    dropped = gathering.dropped + gathering.pool.dropped
    kept = _select(person, shots, places, witness, most, dropped)
    neutral = _at_rest([gathering.tracks[number] for number in sorted(person.tracks)])
    coverage = _coverage(role, kept, neutral)
    report = Extraction(
        frames_seen=gathering.frames_seen,
        faces_found=gathering.faces_found,
        kept=len(kept),
        dropped={reason: dropped[reason] for reason in REASONS if dropped[reason]},
        coverage=coverage,
        advice=coverage.advice(),
        notes=tuple(notes),
        people=len(people),
    )
    _check_enough(report, least)
    write_samples(out, role, name, kept, neutral, report.as_dict())
    if len(people) == 1 and witness.sure:
        (out / SHEET_FILE).unlink(missing_ok=True)
    else:
        _write_sheet(out, people, shots)
    return report


def _check(role: str, name: str, most: int, least: int | None, numbers: set[int]) -> int:
    if role not in LEAST_KEPT:
        raise ConfigError(f"role must be persona or driver, got {role!r}.")
    check_persona_name(name)
    if name.startswith("drivers"):
        raise ConfigError(f"{name!r} cannot be a name here: shards of drivers are called so.", hint="Choose another.")
    least = LEAST_KEPT[role] if least is None else least
    if not 1 <= least <= most <= MOST_KEPT:
        raise ConfigError(f"most must be {least} (the least that is taken) to {MOST_KEPT}, got {most}.")
    if min(numbers, default=1) < 1:
        raise ConfigError(f"people are numbered from 1, got {min(numbers)}.")
    return least


def _watch(gathering: Gathering, recordings: Recordings, tell: Progress) -> list[str]:
    """Look at everything; what was wrong with the files."""
    total = count_frames(recordings)
    watch = Watch()
    unread = []
    try:
        for path in recordings.paths:
            looks = watch.looks(path)
            try:
                first = next(looks, None)
            except SourceError as error:
                if path in recordings.given:
                    raise
                unread.append(f"Passed over: {error.message}")
                continue
            for look in chain([] if first is None else [first], looks):
                gathering.take(look)
                tell(gathering.frames_seen, total)
    finally:
        watch.close()
    return [*watch.notes, *unread]


def _nobody(role: Role, gathering: Gathering, recordings: Recordings) -> FootageError:
    why = ", ".join(f"{reason} {count}" for reason, count in gathering.dropped.most_common())
    names = ", ".join(path.name for path in recordings.paths[:3]) + (", ..." if len(recordings.paths) > 3 else "")
    return FootageError(
        f"No usable face was found in {gathering.frames_seen} frames of {names} ({why or 'no frames'}); looked for was "
        f"a face in focus, whole in the picture, at least {LEAST_FACE_PX[role]:.0f} px high, turned by less than "
        f"{MOST_YAW_DEG:.0f} degrees.",
        hint="Record one person's head and shoulders in good light, filling half of the picture's height.",
    )


def _chosen(people: list[Person], numbers: set[int], show: Callable[[], Path]) -> Person:
    if max(numbers, default=0) > len(people):
        raise ConfigError(f"there is no person {max(numbers)}; the footage shows {len(people)}.")
    if numbers or len(people) == 1:
        first, *more = (people[number - 1] for number in sorted(numbers or {1}))
        # A copy: the sheet still shows everybody.
        person = replace(first, tracks=set(first.tracks), beside=set(first.beside))
        for other in more:
            person.join(other)
        return person
    sheet = show()
    frames = ", ".join(f"{index}: {one.frames} frames" for index, one in enumerate(people, start=1))
    raise FootageError(
        f"The footage shows {len(people)} people ({frames}); they are numbered in {sheet}.",
        hint="Choose by number the one who consented, or cut the others out of the footage.",
        sheet=sheet,
    )


def _write_sheet(out: Path, people: list[Person], shots: list[Shot]) -> Path:
    out.mkdir(parents=True, exist_ok=True)
    sheet = out / SHEET_FILE
    part = sheet.with_suffix(f".{os.getpid()}.part")
    part.write_bytes(cv2.imencode(".png", contact_sheet(people, shots))[1].tobytes())
    part.replace(sheet)
    return sheet


def _select(
    person: Person, shots: list[Shot], places: Floats, witness: Eyewitness, most: int, dropped: Counter[str]
) -> list[Shot]:
    """The person's sharp shots, at most so many; counts in `dropped` what goes."""
    own = [index for index, shot in enumerate(shots) if shot.track in person.tracks]
    usual = float(np.median([shots[index].sharpness for index in own]))
    sharp = [index for index in own if shots[index].sharpness >= _SOFT_SHARE * usual]
    stay, _ = furthest(places[sharp], most)
    kept = [shots[sharp[index]] for index in stay if witness.is_of(person, shots[sharp[index]])]
    dropped["blurred"] += len(own) - len(sharp)
    dropped["more than asked"] += len(sharp) - len(stay)
    dropped["other person"] += len(shots) - len(own) + len(stay) - len(kept)
    return sorted(kept, key=lambda shot: shot.order)


def _at_rest(tracks: list[Track]) -> Neutral:
    """The person at rest, from the calmest faces of all footage."""
    calm = sorted(chain.from_iterable(track.calm for track in tracks), key=lambda entry: entry[:2])[-_CALM_FACES:]
    estimator = NeutralEstimator()
    neutral: Neutral | None = None
    for number, (_, _, found) in enumerate(sorted(calm, key=lambda entry: -entry[1])):
        face = estimator.update(Face(1, found.landmarks, found.blendshapes, found.pose), number * _CALM_STEP_NS)
        neutral = face.neutral
    if neutral is None:
        raise RuntimeError("a person without a face")
    return neutral


def _coverage(role: Role, kept: list[Shot], neutral: Neutral) -> Coverage:
    angles = np.array([shot.angles for shot in kept], np.float32).reshape(-1, 2)
    scores = np.array([shot.found.blendshapes for shot in kept], np.float32).reshape(-1, len(neutral.blendshapes))
    light = np.array([shot.light for shot in kept], np.float32).reshape(-1, 2)
    return cover(role, angles, scores - neutral.blendshapes, light)


def _check_enough(report: Extraction, least: int) -> None:
    lacking = []
    if report.kept < least:
        lacking.append(f"{report.kept} different frames could be kept of {report.frames_seen}, at least {least} needed")
    lacking += [f"{row.what}: {row.found}" for row in report.coverage.missing()]
    if lacking:
        advice = "; ".join(report.advice[:4])
        raise FootageError(
            f"The footage shows too little: {'; '.join(lacking)}.",
            hint=f"Record two minutes or more{': ' + advice if advice else ''}.",
            extraction=report,
        )
