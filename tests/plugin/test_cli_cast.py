"""`mien cast` as a person calls it."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest
from cli_runner import Mien

from mien.engines.cast.look import Look
from mien.engines.verify.signed import read_signed
from mien.plugin.commands.cast import recipe_of
from mien.realtime.errors import ConfigError


def test_the_look_of_a_seed_can_be_changed_key_by_key() -> None:
    plain = recipe_of("x", 4, [])
    changed = recipe_of("x", 4, ["hair_style=bob", "age=0.9", "iris_rgb=0.1,0.2,0.3"])
    assert (changed.look.hair_style, changed.look.age, changed.look.iris_rgb) == ("bob", 0.9, (0.1, 0.2, 0.3))
    assert changed.look.melanin == plain.look.melanin
    assert changed.seed == plain.seed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("hair_style", "KEY=VALUE"),
        ("hat=top", "Unknown key 'hat'"),
        ("hair_style=mohawk", "must be one of 'shaved', 'buzz'"),
        ("age=2", "from 0 to 1"),
        ("iris_rgb=0.5", "three numbers"),
    ],
)
def test_a_change_that_cannot_be_says_what_can(change: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        recipe_of("x", 4, [change])


@pytest.fixture
def mien(capsys: pytest.CaptureFixture[str]) -> Mien:
    return Mien(capsys)


def test_looks_lists_every_key(mien: Mien) -> None:
    listed = mien("cast", "looks", "--json").document
    assert set(listed) == set(Look.__dataclass_fields__)
    assert "porcelain" in listed["material"]


@pytest.mark.cast
@pytest.mark.slow
def test_a_new_persona_is_rendered_trusted_and_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mien: Mien
) -> None:
    pytest.importorskip("anny")
    monkeypatch.setenv("MIEN_DATA_DIR", str(tmp_path))
    wanted = ("--name", "robin", "--seed", 12, "--size", 256, "--set", "glasses=none", "--set", "hair_style=crop")
    made = mien("cast", "new", *wanted, "--json").document
    assert made["seed"] == 12
    (robin,) = [each for each in mien("persona", "list", "--json").document if each["name"] == "robin"]
    assert (robin["kind"], robin["state"]) == ("synthetic", "ready")
    assert cv2.imread(str(Path(made["path"]) / "portrait.png")).shape == (256, 256, 3)
    # Packs are known by their digests and so never signed; what is made to be looked at is.
    assert read_signed(Path(made["path"]) / "portrait.png").state == "none"
    shown = tmp_path / "someone.png"
    assert mien("cast", "portrait", "--seed", 12, "--size", 64, "--out", shown).code == 0
    found = read_signed(shown)
    assert (found.state, found.ours, found.source_type) == ("valid", True, "algorithmicMedia")
    again = mien("cast", "new", "--name", "robin", "--seed", "13")
    assert again.code == 5
    assert "is there already" in again.err


def test_a_picture_without_an_ending_is_refused_before_it_is_rendered(tmp_path: Path, mien: Mien) -> None:
    found = mien("cast", "portrait", "--seed", "1", "--out", str(tmp_path / "robin"))
    assert found.code == 7
    assert ".png" in found.err
