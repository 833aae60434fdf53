"""What a recording shows of a person, what is still missing of it, and what to record next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from mien.realtime.face import BLENDSHAPE_INDEX
from mien.realtime.frame import Floats

Role = Literal["persona", "driver"]
State = Literal["good", "thin", "missing"]

#: Edges of the bins of the head's yaw (to the person's left) and pitch (up), degrees; the outer bins are open.
YAW_EDGES_DEG: Final = (-45.0, -30.0, -15.0, 15.0, 30.0, 45.0)
PITCH_EDGES_DEG: Final = (-25.0, -10.0, 10.0, 25.0)
#: An expression counts as reached when this many frames reach it: a single one may be the tracker's mistake.
_REACHED_FRAMES = 5
#: Frames beyond the middle bin, on each side, that teach a turned head: at least, and as a share.
_TURNED_FRAMES, _TURNED_SHARE = 10, 0.02
#: A persona that never turned further to both sides than this, degrees, cannot be shown by a driver who does.
_LEAST_YAW_DEG = 8.0
#: CIE L* of the cheeks. A persona is painted in one light and the blend brings the driver's, so a light that changes
#: only blurs it; a driver is met in every light.
_STEADY_LIGHT, _VARIED_LIGHT, _LEAST_LIGHT, _EVEN_SIDES = 20.0, 8.0, 25.0, 15.0


@dataclass(frozen=True, slots=True)
class _Group:
    """Blendshapes whose mean over rest is one number; how far it should go, and must for a persona."""

    channels: tuple[str, ...]
    wanted: float
    least: float
    advice: str


def _both(name: str) -> tuple[str, str]:
    return f"{name}Left", f"{name}Right"


#: What good footage reaches: two thirds of what talking, smiling people reached in six clips (0.5 to 0.9).
_GROUPS: Final[dict[str, _Group]] = {
    "jaw": _Group(("jawOpen",), 0.45, 0.2, "open your mouth wide: say 'ah' and yawn"),
    "blinks": _Group(_both("eyeBlink"), 0.4, 0.15, "close your eyes for a moment, and blink slowly"),
    "smile": _Group(_both("mouthSmile"), 0.5, 0.0, "smile widely, with lips closed and open"),
    "teeth": _Group(_both("mouthUpperUp"), 0.25, 0.0, "show your teeth: say a long 'ee' and laugh"),
    "pucker": _Group(("mouthPucker",), 0.45, 0.0, "say a long 'oo' and make a kiss"),
    "lips pressed": _Group(_both("mouthPress"), 0.15, 0.0, "press your lips together: say 'mmm'"),
    "brows up": _Group(_both("browOuterUp"), 0.3, 0.0, "raise your eyebrows as if surprised"),
    "brows down": _Group(_both("browDown"), 0.2, 0.0, "knit your brows as if angry"),
    "gaze left": _Group(("eyeLookOutLeft", "eyeLookInRight"), 0.4, 0.0, "look to your left with a still head"),
    "gaze right": _Group(("eyeLookInLeft", "eyeLookOutRight"), 0.4, 0.0, "look to your right with a still head"),
    "gaze up": _Group(_both("eyeLookUp"), 0.2, 0.0, "look up with a still head"),
    "gaze down": _Group(_both("eyeLookDown"), 0.4, 0.0, "look down with a still head"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table of coverage.

    Attributes:
        what: its name.
        found: what the footage has, for people.
        wanted: what good footage has, for people.
        state: "missing" is below the least that a persona is made of; "thin" can be trained with and will show.
        advice: what to record next, a phrase in the imperative; empty where the state is good.

    """

    what: str
    found: str
    wanted: str
    state: State
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What some frames of one person show.

    Attributes:
        role: whose footage it is.
        frames: how many there are.
        yaw: frames in each bin of `YAW_EDGES_DEG`, from the person's right to the left.
        pitch: frames in each bin of `PITCH_EDGES_DEG`, from down to up.
        yaw_range_deg, pitch_range_deg: (least, most) that five frames or more reach.
        expressions: of each group of blendshapes the (least, most) score over rest that five frames or more reach.
        light: 5 %, 50 % and 95 % of the cheeks' CIE L*, 0..100.
        side: median L* of the person's left cheek less the right one's.

    """

    role: Role
    frames: int
    yaw: tuple[int, ...]
    pitch: tuple[int, ...]
    yaw_range_deg: tuple[float, float]
    pitch_range_deg: tuple[float, float]
    expressions: Mapping[str, tuple[float, float]]
    light: tuple[float, float, float]
    side: float

    def table(self) -> tuple[Row, ...]:
        """Everything measured, beside what is wanted."""
        return (*self._poses(), *self._reaches(), *self._lights())

    def advice(self) -> tuple[str, ...]:
        """What to record next, the most needed first."""
        rows = sorted(self.table(), key=lambda row: row.state != "missing")
        return tuple(row.advice for row in rows if row.advice)

    def missing(self) -> tuple[Row, ...]:
        """What lies below the least that a persona is made of; nothing for a driver, whom the cast stands in for."""
        return tuple(row for row in self.table() if row.state == "missing") if self.role == "persona" else ()

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        edges = {"yaw_edges_deg": YAW_EDGES_DEG, "pitch_edges_deg": PITCH_EDGES_DEG}
        return asdict(self) | edges | {"table": [asdict(row) for row in self.table()]}

    def _poses(self) -> tuple[Row, ...]:
        wanted = max(_TURNED_FRAMES, round(_TURNED_SHARE * self.frames))
        low, high = self.yaw_range_deg
        sides = (
            ("head to the left", sum(self.yaw[4:]), high, "turn your head slowly to the left and back"),
            ("head to the right", sum(self.yaw[:3]), -low, "turn your head slowly to the right and back"),
            ("head up", sum(self.pitch[3:]), np.inf, "raise your chin slowly and lower it again"),
            ("head down", sum(self.pitch[:2]), np.inf, "lower your chin slowly and raise it again"),
        )
        rows = []
        for what, count, reach, advice in sides:
            state: State = "missing" if reach < _LEAST_YAW_DEG else "thin" if count < wanted else "good"
            found = f"{count} frames" if np.isinf(reach) else f"{count} frames, up to {max(reach, 0):.0f} degrees"
            beyond = f"{wanted} frames beyond {15 if np.isfinite(reach) else 10} degrees"
            rows.append(Row(what, found, beyond, state, "" if state == "good" else advice))
        return tuple(rows)

    def _reaches(self) -> tuple[Row, ...]:
        rows = []
        for what, group in _GROUPS.items():
            reached = self.expressions[what][1]
            state: State = (
                "missing" if group.least and reached < group.least else "thin" if reached < group.wanted else "good"
            )
            advice = "" if state == "good" else group.advice
            rows.append(Row(what, f"up to {max(reached, 0):.2f}", f"{group.wanted:.2f}", state, advice))
        return tuple(rows)

    def _lights(self) -> tuple[Row, ...]:
        low, middle, high = self.light
        spread = high - low
        if self.role == "persona":
            steady, wanted = spread <= _STEADY_LIGHT, f"within {_STEADY_LIGHT:.0f} L*"
            advice = "keep to one steady light, without a window or a screen that changes"
        else:
            steady, wanted = spread >= _VARIED_LIGHT, f"over {_VARIED_LIGHT:.0f} L* or more"
            advice = "record once more in another light: daylight, a lamp at the side, a dim room"
        bright, even = middle >= _LEAST_LIGHT, abs(self.side) <= _EVEN_SIDES
        found = f"{low:.0f} to {high:.0f} L*"
        rows = [
            Row("light", found, wanted, "good" if steady else "thin", "" if steady else advice),
            Row("brightness", f"{middle:.0f} L*", f"{_LEAST_LIGHT:.0f} L* or more", "good" if bright else "thin",
                "" if bright else "put a light in front of your face"),
        ]  # fmt: skip
        if self.role == "persona":
            dark = "left" if self.side < 0 else "right"
            rows.append(
                Row("sides", f"{abs(self.side):.0f} L* apart", f"within {_EVEN_SIDES:.0f} L*",
                    "good" if even else "thin",
                    "" if even else f"light both sides alike: the {dark} side of your face is dark")
            )  # fmt: skip
        return tuple(rows)


def cover(role: Role, angles: Floats, over_rest: Floats, light: Floats) -> Coverage:
    """Measure what N frames of one person show.

    Args:
        role: whose footage it is.
        angles: (N, 2) float32, yaw and pitch, degrees, as `code.upright_angles`.
        over_rest: (N, 52) float32, scores less the person's at rest.
        light: (N, 2) float32, mean CIE L* of both cheeks, and the person's left one's less the right one's.

    """
    if not len(angles):
        empty = dict.fromkeys(_GROUPS, (0.0, 0.0))
        zero = (0.0, 0.0)
        yaw, pitch = (0,) * (len(YAW_EDGES_DEG) + 1), (0,) * (len(PITCH_EDGES_DEG) + 1)
        return Coverage(role, 0, yaw, pitch, zero, zero, empty, (0.0, 0.0, 0.0), 0.0)
    low, middle, high = (round(float(x), 1) for x in np.percentile(light[:, 0], (5, 50, 95)))
    return Coverage(
        role=role,
        frames=len(angles),
        yaw=_histogram(angles[:, 0], YAW_EDGES_DEG),
        pitch=_histogram(angles[:, 1], PITCH_EDGES_DEG),
        yaw_range_deg=_reached(angles[:, 0], 1),
        pitch_range_deg=_reached(angles[:, 1], 1),
        expressions={
            name: _reached(over_rest[:, [BLENDSHAPE_INDEX[channel] for channel in group.channels]].mean(axis=1), 3)
            for name, group in _GROUPS.items()
        },
        light=(low, middle, high),
        side=round(float(np.median(light[:, 1])), 1),
    )


def _histogram(values: Floats, edges: Sequence[float]) -> tuple[int, ...]:
    bins: NDArray[np.int64] = np.digitize(values, edges)
    return tuple(int(count) for count in np.bincount(bins, minlength=len(edges) + 1))


def _reached(values: Floats, digits: int) -> tuple[float, float]:
    ordered, nth = np.sort(values), min(_REACHED_FRAMES, len(values))
    return round(float(ordered[nth - 1]), digits), round(float(ordered[-nth]), digits)
