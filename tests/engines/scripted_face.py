"""A rendered person who follows the prompts of a live enrolment, frame by frame.

The key pictures lie in `scripted_face.jpg`, rendered from a seed (nobody's likeness) by

    python tests/engines/scripted_face.py

A performer plays them as a webcam would see them: with a head that sways, light that flickers, and noise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from mien.engines.consent.actions import PROMPTS
from mien.engines.consent.record import Action
from mien.realtime.frame import Pixels

SHEET: Final = Path(__file__).with_suffix(".jpg")
WIDTH_PX, HEIGHT_PX, COLUMNS = 320, 240, 6
FPS: Final = 15
#: name: (yaw, pitch, blink, smile, jaw)
KEYS: Final[dict[str, tuple[float, float, float, float, float]]] = {
    "rest": (0, 0, 0, 0, 0), "portrait": (3, 1, 0, 0, 0),
    "l1": (8, 0, 0, 0, 0), "l2": (16, 0, 0, 0, 0), "l3": (24, 0, 0, 0, 0),
    "r1": (-8, 0, 0, 0, 0), "r2": (-16, 0, 0, 0, 0), "r3": (-24, 0, 0, 0, 0),
    "u1": (0, 7, 0, 0, 0), "u2": (0, 14, 0, 0, 0), "u3": (0, 20, 0, 0, 0),
    "b1": (0, 0, 0.5, 0, 0), "b2": (0, 0, 1, 0, 0),
    "s1": (0, 0, 0, 0.3, 0), "s2": (0, 0, 0, 0.6, 0), "s3": (0, 0, 0, 0.9, 0),
    "o1": (0, 0, 0, 0, 0.3), "o2": (0, 0, 0, 0, 0.6), "o3": (0, 0, 0, 0, 0.85),
}  # fmt: skip
#: What is played for each action, one key picture a frame.
CHAINS: Final[dict[Action, str]] = {
    "turn-left": "l1 l2 l3 l3 l3 l2 l1",
    "turn-right": "r1 r2 r3 r3 r3 r2 r1",
    "look-up": "u1 u2 u3 u3 u3 u2 u1",
    "blink-twice": "b1 b2 b2 b1 rest rest rest b1 b2 b2 b1",
    "smile": "s1 s2 s3 s3 s3 s2 s1",
    "open-mouth": "o1 o2 o3 o3 o3 o2 o1",
}


def key_pictures() -> dict[str, Pixels]:
    """Each key's picture, (240, 320, 3) uint8 BGR."""
    sheet = cv2.imread(str(SHEET))
    assert sheet is not None
    tiles = {}
    for at, name in enumerate(KEYS):
        y, x = at // COLUMNS * HEIGHT_PX, at % COLUMNS * WIDTH_PX
        tiles[name] = np.ascontiguousarray(sheet[y : y + HEIGHT_PX, x : x + WIDTH_PX])
    return tiles


class Performer:
    """Somebody before a camera.

    Args:
        wait_s: how long they need to react.
        seed: of noise.
        understand: what they do when a text is said to them; default: what it asks for.

    """

    def __init__(
        self, *, wait_s: float = 0.4, seed: int = 1, understand: Callable[[str], Action | None] | None = None
    ) -> None:
        self._keys = key_pictures()
        self._rng = np.random.default_rng(seed)
        self._noise = self._rng.normal(0, 2.0, (HEIGHT_PX + 64, WIDTH_PX + 64, 3)).astype(np.float32)
        self._wait = round(wait_s * FPS)
        self._understand = understand or (lambda said: next((a for a, text in PROMPTS.items() if text == said), None))
        self._queue: list[str] = []
        #: The key picture that was shown last.
        self.key = "rest"
        self._at = 0

    def hear(self, said: str) -> None:
        """Begin to do what is asked for."""
        action = self._understand(said) if said else None
        if action is not None:
            self._queue = ["rest"] * self._wait + CHAINS[action].split()

    def frames(self) -> Iterator[tuple[int, Pixels]]:
        """(ms, picture), without end."""
        while True:
            self.key = self._queue.pop(0) if self._queue else "rest"
            yield round(1000 * self._at / FPS), self.picture(self.key)
            self._at += 1

    def picture(self, key: str) -> Pixels:
        """One key's picture, as a webcam sees it at this moment."""
        t = self._at / FPS
        shift = np.array([[1, 0, 2.5 * np.sin(1.31 * t) + np.sin(3.7 * t)], [0, 1, 1.5 * np.sin(0.83 * t)]], np.float64)
        moved = cv2.warpAffine(self._keys[key], shift, (WIDTH_PX, HEIGHT_PX), borderMode=cv2.BORDER_REPLICATE)
        lit = moved.astype(np.float32) * np.float32(1 + 0.01 * np.sin(2.3 * t))
        # Another piece of one field each time: as good as new noise, and ten times as fast.
        y, x = self._rng.integers(0, 65, 2)
        return np.clip(lit + self._noise[y : y + HEIGHT_PX, x : x + WIDTH_PX], 0, 255).astype(np.uint8)


def noisy(pixels: np.ndarray, rng: np.random.Generator) -> Pixels:
    """With a sensor's noise."""
    return np.clip(pixels + rng.normal(0, 2.0, pixels.shape), 0, 255).astype(np.uint8)


def render() -> None:
    """Write the sheet; needs the [cast] extra."""
    from mien.engines.cast.body.pose import HeadPose
    from mien.engines.cast.camera.light import DESK
    from mien.engines.cast.frame import Shot, View
    from mien.engines.cast.people import DRIVER
    from mien.engines.cast.portrait import to_bgr
    from mien.engines.cast.studio import Actor

    actor, view = Actor(DRIVER), View(WIDTH_PX, HEIGHT_PX, 3, span=0.36, aim=(0.0, 0.0, -0.045))
    room = np.linspace(0.15, 0.35, HEIGHT_PX, dtype=np.float32)[:, None, None] * np.ones((1, WIDTH_PX, 3), np.float32)
    rows = -(-len(KEYS) // COLUMNS)
    sheet = np.zeros((rows * HEIGHT_PX, COLUMNS * WIDTH_PX, 3), np.uint8)
    for at, (yaw, pitch, blink, smile, jaw) in enumerate(KEYS.values()):
        actions = {"eyeBlink": blink, "mouthSmile": smile}
        both = {f"{name}{side}": value for name, value in actions.items() for side in ("Left", "Right")}
        shot = Shot({**both, "jawOpen": jaw}, HeadPose(yaw=yaw, pitch=pitch), (0.0, 0.0))
        y, x = at // COLUMNS * HEIGHT_PX, at % COLUMNS * WIDTH_PX
        sheet[y : y + HEIGHT_PX, x : x + WIDTH_PX] = to_bgr(actor.shoot(shot, view, DESK, room).colour)
    cv2.imwrite(str(SHEET), sheet, [cv2.IMWRITE_JPEG_QUALITY, 90])


if __name__ == "__main__":
    render()
