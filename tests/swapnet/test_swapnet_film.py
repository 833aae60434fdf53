"""What the cast films for training: little of it, rendered anew in each run of the tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytestmark = [pytest.mark.cast, pytest.mark.slow]
pytest.importorskip("anny")

from mien.engines.cast.people import AMARA, OPAL  # noqa: E402 - needs the extra that was just asked for
from mien.engines.swapnet.code import ACTIONS, ANGLE_DEG, NAMED, NAMED_INDEX, TRACKED_SIZE  # noqa: E402
from mien.engines.swapnet.dataset import Samples, whole_shards  # noqa: E402
from mien.engines.swapnet.film import FilmPlan, film  # noqa: E402
from mien.engines.swapnet.paired import Eye  # noqa: E402
from mien.engines.swapnet.plan import TrainPlan  # noqa: E402
from mien.engines.swapnet.samples import (  # noqa: E402
    PERSONA_PX,
    drivers_place,
    persona_place,
    read_drivers,
    read_persona,
)
from mien.engines.swapnet.trainer import Trainer  # noqa: E402
from mien.engines.swapnet.validate import picture_scores  # noqa: E402
from mien.realtime.aligner import head_square  # noqa: E402
from mien.realtime.engine import EngineSpec  # noqa: E402
from mien.realtime.errors import ConfigError  # noqa: E402
from mien.realtime.head import fit_head  # noqa: E402

PLAN = FilmPlan(seed=5, per_shard=12, per_driver=6, objects=0.3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("film")
    film(place, PLAN, {"opal": OPAL}, 2)
    return place


def test_every_driver_frame_has_the_personas_answer(folder: Path) -> None:
    assert whole_shards(folder, ["opal"]) == [0, 1]
    drivers, answers = read_drivers(drivers_place(folder, 0)), read_persona(persona_place(folder, "opal", 0))
    count = len(drivers.person)
    assert 9 <= count <= 12
    assert len(set(drivers.person.tolist())) == 2
    assert drivers.tracked.shape == (count, TRACKED_SIZE)
    assert drivers.named.shape == (count, len(NAMED))
    assert answers.landmarks.shape == (count, 478, 2)
    assert len(answers.pixels) == len(answers.mask) == len(drivers.front) == count


def test_the_trackers_angles_are_those_that_were_rendered(folder: Path) -> None:
    shards = [read_drivers(drivers_place(folder, number)) for number in (0, 1)]
    named = np.concatenate([shard.named for shard in shards])
    tracked = np.concatenate([shard.tracked for shard in shards])
    for k, name in enumerate(("headYaw", "headPitch")):
        true, seen = named[:, NAMED_INDEX[name]] * ANGLE_DEG, tracked[:, 2 * len(ACTIONS) + k] * ANGLE_DEG
        assert np.corrcoef(true, seen)[0, 1] > 0.8, name
        assert np.median(np.abs(true - seen)) < 8, name


def test_a_persona_stands_upright_where_the_live_path_would_cut_it_out(folder: Path) -> None:
    answers = read_persona(persona_place(folder, "opal", 0))
    eye, found = Eye(), 0
    for index in range(0, len(answers.landmarks), 3):
        seen = eye(answers.pixels.at(index))
        if seen is None:
            continue
        found += 1
        off = np.linalg.norm(seen.landmarks[:468, :2] - answers.landmarks[index, :468], axis=1)
        assert np.median(off) < 0.035 * PERSONA_PX
        # Cutting it out again hardly moves it: the same square, by the tracker's landmarks.
        spec = EngineSpec("x", "x", "x", "x", size_px=PERSONA_PX, margin=1.3)
        square = head_square(fit_head(seen.landmarks), PERSONA_PX, spec.margin)
        middle = square.apply(np.full((1, 2), (PERSONA_PX - 1) / 2, np.float32))[0]
        assert np.abs(middle - (PERSONA_PX - 1) / 2).max() < 0.05 * PERSONA_PX
        assert 0.9 < float(np.linalg.norm(square.matrix[:, 0])) < 1.1
        mask = answers.mask.at(index, grey=True)
        inside = answers.landmarks[index][[1, 13, 152, 33, 263]].round().astype(int)
        assert all(mask[y, x] > 127 for x, y in inside)
    assert found >= 3


def test_a_new_persona_is_filmed_alone_and_drivers_stay(folder: Path) -> None:
    before = drivers_place(folder, 0).read_bytes(), drivers_place(folder, 0).stat().st_mtime_ns
    told: list[tuple[int, int]] = []
    film(folder, PLAN, {"amara": AMARA}, 1, on_shard=lambda done, total: told.append((done, total)))
    assert told == [(0, 1), (1, 1)]
    assert before == (drivers_place(folder, 0).read_bytes(), drivers_place(folder, 0).stat().st_mtime_ns)
    one, other = (read_persona(persona_place(folder, name, 0)) for name in ("opal", "amara"))
    assert len(one.landmarks) == len(other.landmarks)
    # The same heads in the same places, and other faces.
    assert np.abs(one.landmarks.mean(1) - other.landmarks.mean(1)).max() < 0.05 * PERSONA_PX
    assert np.abs(one.pixels.at(0).astype(int) - other.pixels.at(0)).mean() > 10


def test_the_same_plan_films_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    film(tmp_path, PLAN, {"opal": OPAL}, 1)
    for place in (drivers_place, lambda where, number: persona_place(where, "opal", number)):
        assert place(tmp_path, 0).read_bytes() == place(folder, 0).read_bytes()


def test_a_folder_of_another_plan_or_person_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match="another plan"):
        film(folder, FilmPlan(seed=6, per_shard=12, per_driver=6, objects=0.3), {"opal": OPAL}, 1)
    with pytest.raises(ConfigError, match="another 'opal'"):
        film(folder, PLAN, {"opal": AMARA}, 1)


def test_a_tiny_network_learns_a_persona_in_seconds(folder: Path, tmp_path: Path) -> None:
    """On a driver whom it never saw it beats a face of one colour and an untrained network."""
    learnt, held_out = Samples(folder, ["opal"], [0]), Samples(folder, ["opal"], [1])
    trainer = Trainer(TrainPlan(("opal",), size="tiny", steps=60, batch=6, rate=2e-3, warm_up=10), tmp_path)
    untrained = trainer.validate(held_out).psnr
    trainer.run(learnt, held_out, validate_every=1000)
    answer = held_out.batch(range(len(held_out)), 64, np.random.default_rng(0), None).answers["opal"]
    seen = learnt.batch(range(len(learnt)), 64, np.random.default_rng(0), None).answers["opal"]
    colour = (seen.pixels * seen.mask).sum((0, 2, 3)) / seen.mask.sum()
    blank = colour.view(1, 3, 1, 1).expand_as(answer.pixels)
    blank_psnr = float(np.mean([row[0] for row in picture_scores(blank, answer.mask, answer.pixels, answer.mask)]))
    trained = trainer.validate(held_out).psnr
    assert trained > untrained + 3
    assert trained > blank_psnr + 1.5
