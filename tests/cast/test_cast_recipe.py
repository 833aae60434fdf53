from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from mien.engines.cast import Recipe
from mien.engines.cast.people import AMARA, DRIVER, PERSONAS, VIGGO
from mien.realtime.errors import ConfigError


def test_a_recipe_survives_its_dictionary() -> None:
    table = json.loads(json.dumps(AMARA.to_dict()))
    assert Recipe.from_dict(table) == AMARA


def test_a_seed_alone_gives_one_adult() -> None:
    first, again, other = (Recipe(name="x", seed=seed) for seed in (7, 7, 8))
    assert first == again
    assert first.look != other.look
    assert 0.0 <= first.look.age <= 1.0


def test_a_look_missing_from_the_table_is_drawn_from_the_seed() -> None:
    assert Recipe.from_dict({"name": "x", "seed": 7}) == Recipe(name="x", seed=7)


def test_an_unknown_key_is_an_error_that_names_it() -> None:
    with pytest.raises(ConfigError, match="Unknown key 'colour' in the cast's recipe"):
        Recipe.from_dict({**AMARA.to_dict(), "colour": 1})
    broken = AMARA.to_dict()
    broken["look"]["hat"] = 1
    with pytest.raises(ConfigError, match="Unknown key 'hat' in the cast's look"):
        Recipe.from_dict(broken)


def test_a_missing_key_is_an_error_that_names_it() -> None:
    with pytest.raises(ConfigError, match="lacks the key 'seed'"):
        Recipe.from_dict({"name": "x"})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": 8}, "64 to 2048"),
        ({"seed": -1}, "0 or more"),
        ({"name": ""}, "needs a name"),
        ({"version": 999}, "version 999"),
    ],
)
def test_a_recipe_out_of_range_says_what_is_allowed(change: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Recipe.from_dict({**AMARA.to_dict(), **change})


def test_a_look_out_of_range_says_what_is_allowed() -> None:
    with pytest.raises(ConfigError, match="from 0 to 1"):
        replace(AMARA.look, melanin=1.5)
    with pytest.raises(ConfigError, match="'crop'"):
        replace(AMARA.look, hair_style="mohawk")
    with pytest.raises(ConfigError, match="three numbers"):
        replace(AMARA.look, iris_rgb=(2.0, 0.0, 0.0))


def test_the_people_differ() -> None:
    names = [recipe.name for recipe in PERSONAS]
    assert names == ["amara", "viggo", "linh", "mateo", "opal"]
    assert len({recipe.seed for recipe in (*PERSONAS, DRIVER)}) == 6
    assert [recipe.look.material for recipe in PERSONAS].count("skin") == 4
    assert np.ptp([recipe.look.melanin for recipe in PERSONAS]) > 0.5


def test_a_bare_person_has_nothing_on_the_head() -> None:
    bare = VIGGO.bare()
    assert (bare.look.hair_style, bare.look.beard, bare.look.glasses, bare.look.headset) == ("shaved", *["none"] * 3)
    assert bare.seed == VIGGO.seed


def test_importing_the_package_needs_no_extra() -> None:
    script = (
        "import sys\n"
        "for name in ('anny', 'warp', 'torch'): sys.modules[name] = None\n"
        "import mien.engines.cast as cast\n"
        "from mien.realtime.errors import MissingExtraError\n"
        "try: cast.render_portrait(cast.Recipe(name='x', seed=1))\n"
        "except MissingExtraError as error: assert 'pip install' in error.hint; sys.exit(7)\n"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 7
