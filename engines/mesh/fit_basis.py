"""Learn the expression basis from rendered people: `python -m mien.engines.mesh.fit_basis OUT.npz`.

Synthetic heads (needs the [cast] extra) are drawn with random expressions and tracked; within each person, landmarks
in head space are regressed on the tracker's own blendshapes, mirrored as well, with ridge regression. No picture of a
real person is used. The result is `realtime/assets/expression_basis.npz`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.extra import require_anny
from mien.realtime.face import BLENDSHAPE_INDEX, BLENDSHAPE_NAMES, LANDMARK_COUNT
from mien.realtime.frame import Floats, Pixels
from mien.realtime.head import fit_head, head_model, to_head
from mien.realtime.tracker.landmarker import Landmarker
from mien.realtime.tracker.model import landmarker_path

#: Strength of the ridge. Scores lie in 0..1 and there are some 2,000 samples.
_RIDGE = 6.0
_SIZE_PX = 288
_GREY = 0.2
_STEP_NS = 33_000_000


def sample_actions(rng: np.random.Generator) -> dict[str, float]:
    """Random expression: a few actions of any kind, and often an open jaw, a smile or a blink."""
    names = [name for name in BLENDSHAPE_NAMES[1:] if not name.startswith("eyeLook")]
    chosen = rng.choice(len(names), int(rng.integers(1, 8)), replace=False)
    actions = {names[k]: float(rng.random()) for k in chosen}
    if rng.random() < 0.5:
        actions["jawOpen"] = float(rng.random() * 0.8)
    for share, left, right in (
        (0.4, "mouthSmileLeft", "mouthSmileRight"),
        (0.3, "eyeBlinkLeft", "eyeBlinkRight"),
        (0.3, "browInnerUp", "browInnerUp"),
    ):
        if rng.random() < share:
            actions[left] = float(rng.random())
            actions[right] = float(np.clip(actions[left] + 0.15 * rng.normal(), 0, 1))
    return actions


def pictures(seed: int, count: int) -> Iterator[Pixels]:
    """`count` pictures of one synthetic person, the first at rest; BGR."""
    require_anny()
    from mien.engines.cast.body.pose import HeadPose
    from mien.engines.cast.camera.light import DESK
    from mien.engines.cast.frame import Shot, View
    from mien.engines.cast.motion.gaze import gaze_actions
    from mien.engines.cast.portrait import to_bgr
    from mien.engines.cast.recipe import Recipe
    from mien.engines.cast.studio import Actor

    rng = np.random.default_rng((seed, 0xBA515))
    # Bare-headed: a fringe or a frame would hide what is to be learnt.
    actor = Actor(Recipe("basis", seed).bare(), map_px=512)
    view = View(_SIZE_PX, _SIZE_PX)
    behind = np.full((_SIZE_PX, _SIZE_PX, 3), _GREY, np.float32)
    yield to_bgr(actor.shoot(Shot(), view, DESK, behind).colour)
    for _ in range(count - 1):
        yaw, pitch = float(rng.normal() * 9), float(rng.normal() * 5)
        actions = sample_actions(rng) | gaze_actions(yaw, pitch)
        turn = HeadPose(yaw=float(rng.normal() * 8), pitch=float(rng.normal() * 5), roll=float(rng.normal() * 2))
        yield to_bgr(actor.shoot(Shot(actions, turn, (yaw, pitch)), view, DESK, behind).colour)


def track(images: Iterator[Pixels], model: Path) -> tuple[Floats, Floats]:
    """Head-space shapes (N, 478, 3) and scores (N, 52) of those pictures in which one face was found."""
    shapes: list[Floats] = []
    scores: list[Floats] = []
    landmarker = Landmarker(model, max_faces=2)
    try:
        for number, image in enumerate(images):
            # Twice, so that the second look starts from this picture's face and not from the one before.
            for again in range(2):
                found = landmarker(image, (2 * number + again) * _STEP_NS)
            if len(found) == 1:
                shapes.append(to_head(found[0].landmarks, fit_head(found[0].landmarks)))
                scores.append(found[0].blendshapes)
    finally:
        landmarker.close()
    return np.array(shapes, np.float32), np.array(scores, np.float32)


def regress(people: Sequence[tuple[Floats, Floats]]) -> Floats:
    """Give the (52, 478, 3) float32 basis from each person's shapes and scores."""
    mirror, names = mirrored_landmarks(), mirrored_scores()
    gram = np.eye(len(BLENDSHAPE_NAMES)) * _RIDGE
    mixed = np.zeros((len(BLENDSHAPE_NAMES), LANDMARK_COUNT * 3))
    flip = np.array([-1, 1, 1], np.float32)
    for shapes, scores in people:
        for shape, score in ((shapes, scores), (shapes[:, mirror] * flip, scores[:, names])):
            moved = (shape - shape.mean(axis=0)).reshape(len(shape), -1).astype(np.float64)
            change = (score - score.mean(axis=0)).astype(np.float64)
            gram += change.T @ change
            mixed += change.T @ moved
    basis: Floats = np.linalg.solve(gram, mixed).astype(np.float32).reshape(-1, LANDMARK_COUNT, 3)
    return basis


def mirrored_landmarks() -> NDArray[np.int64]:
    """(478,) index of each landmark's partner on the other half of the face."""
    skin = head_model().landmarks[:468]
    flipped = skin * np.array([-1, 1, 1], np.float32)
    nearest = np.linalg.norm(flipped[:, None] - skin[None], axis=2).argmin(axis=1)
    # Irises: centre, right, up, left, down of the picture; right and left change places.
    irises = [473, 476, 475, 474, 477, 468, 471, 470, 469, 472]
    return np.concatenate([nearest, np.array(irises)])


def mirrored_scores() -> NDArray[np.int64]:
    """(52,) index of each blendshape's partner: Left for Right."""
    swap = {"Left": "Right", "Right": "Left"}
    return np.array(
        [
            BLENDSHAPE_INDEX[next((n.replace(a, b) for a, b in swap.items() if n.endswith(a)), n)]
            for n in BLENDSHAPE_NAMES
        ]
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Render, track, regress, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--people", type=int, default=24)
    parser.add_argument("--each", type=int, default=46)
    parser.add_argument("--seed", type=int, default=9000)
    options = parser.parse_args(arguments)
    model = landmarker_path()
    people = [track(pictures(options.seed + k, options.each), model) for k in range(options.people)]
    np.savez_compressed(options.out, basis=regress(people).astype(np.float16))


if __name__ == "__main__":
    main()
