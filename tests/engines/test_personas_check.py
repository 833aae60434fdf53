from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from persona_packs import CAST, SIDE_PX, face, files, finder, picture, table, write_folder

from mien.engines.personas.check import EXIT_UNCHECKED, Report, check, compare
from mien.engines.personas.pack import load_pack
from mien.engines.personas.picture import encode_png
from mien.engines.personas.trust import Trust
from mien.realtime.errors import ConfigError, MissingExtraError, PersonaError
from mien.realtime.face import Face
from mien.realtime.frame import Pixels

SEES_IT = finder(face())


def _renders(pixels: Pixels) -> Any:
    def render(recipe: dict[str, Any]) -> Pixels:
        assert recipe == CAST
        return pixels

    return render


def _states(report: Report) -> dict[str, str]:
    return {item.name: item.state for item in report.items}


def _detail(report: Report, name: str) -> str:
    return next(item.detail for item in report.items if item.name == name)


@pytest.fixture
def synthetic(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "pat", files("synthetic"), table("synthetic"))


@pytest.fixture
def trust(tmp_path: Path) -> Trust:
    return Trust(tmp_path / "data")


def test_a_rendered_pack_passes_and_can_be_loaded_from_then_on(synthetic: Path, trust: Trust) -> None:
    noisy = (picture().astype(int) + np.random.default_rng(1).integers(-3, 4, picture().shape)).clip(0, 255)
    report = check(synthetic, tracker=SEES_IT, trust=trust, render=_renders(noisy.astype(np.uint8)))
    assert _states(report) == {"files": "passed", "form": "passed", "landmarks": "passed", "render": "passed"}
    assert (report.passed, report.exit_code) == (True, 0)
    assert load_pack(synthetic, trust=trust).digest == report.digest


def test_a_portrait_that_its_seed_does_not_give_is_refused(synthetic: Path, trust: Trust) -> None:
    other = np.ascontiguousarray(picture()[::-1])
    report = check(synthetic, tracker=SEES_IT, trust=trust, render=_renders(other))
    assert (_states(report)["render"], report.exit_code) == ("failed", PersonaError.exit_code)
    assert "is not what its recipe renders, so it may show a real person" in _detail(report, "render")
    with pytest.raises(PersonaError, match="never rendered"):
        load_pack(synthetic, trust=trust)


def test_a_face_exchanged_in_a_rendered_frame_is_refused(synthetic: Path, trust: Trust) -> None:
    mouth_only = picture()
    mouth_only[90:104, 70:90] = 255 - mouth_only[90:104, 70:90]
    report = check(synthetic, tracker=SEES_IT, trust=trust, render=_renders(mouth_only))
    assert _states(report)["render"] == "failed"


def test_without_the_extra_nothing_is_said_to_have_passed(synthetic: Path, trust: Trust) -> None:
    def absent(recipe: dict[str, Any]) -> Pixels:
        raise MissingExtraError("no anny here.")

    report = check(synthetic, tracker=SEES_IT, trust=trust, render=absent)
    assert (_states(report)["render"], report.passed) == ("unchecked", False)
    assert report.exit_code == EXIT_UNCHECKED
    assert EXIT_UNCHECKED not in (0, PersonaError.exit_code)
    assert "not rendered: pip install anny warp-lang torch" in _detail(report, "render")
    with pytest.raises(PersonaError, match="never rendered"):
        load_pack(synthetic, trust=trust)


def test_a_quick_check_verifies_nothing_either(synthetic: Path, trust: Trust) -> None:
    report = check(synthetic, tracker=SEES_IT, deep=False, trust=trust, render=_renders(picture()))
    assert _states(report) == {"files": "passed", "form": "passed", "landmarks": "unchecked", "render": "unchecked"}
    assert report.exit_code == EXIT_UNCHECKED
    with pytest.raises(PersonaError, match="never rendered"):
        load_pack(synthetic, trust=trust)


def test_a_recipe_of_another_version_or_size_fails(synthetic: Path, trust: Trust) -> None:
    def refuses(recipe: dict[str, Any]) -> Pixels:
        raise ConfigError("Unknown key 'seeed'.")

    report = check(synthetic, tracker=SEES_IT, trust=trust, render=refuses)
    assert _detail(report, "render") == "[cast] is no recipe of this version: Unknown key 'seeed'."
    report = check(synthetic, tracker=SEES_IT, trust=trust, render=_renders(picture(96)))
    assert _detail(report, "render") == "The portrait has 160x160 px; its recipe renders 96x96 px."


@pytest.mark.parametrize(
    "cast",
    [{**CAST, "version": 99}, {**CAST, "size": "big"}, {**CAST, "look": 3}, {**CAST, "seeed": 1}, {"name": "pat"}],
)
def test_a_table_that_the_cast_does_not_know_fails_before_anything_is_rendered(
    tmp_path: Path, trust: Trust, cast: dict[str, Any]
) -> None:
    root = write_folder(tmp_path / "pat", files("synthetic"), table("synthetic", cast=cast))
    report = check(root, tracker=SEES_IT, trust=trust)
    assert _detail(report, "render").startswith("[cast] is no recipe of this version: ")


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ((), "The portrait shows 0 faces; a persona has one."),
        ((face(), face()), "The portrait shows 2 faces; a persona has one."),
        ((face(SIDE_PX - 10),), "The landmarks are not those of the portrait"),
    ],
)
def test_landmarks_of_another_face_fail(synthetic: Path, trust: Trust, found: tuple[Face, ...], message: str) -> None:
    report = check(synthetic, tracker=finder(*found), trust=trust, render=_renders(picture()))
    assert _states(report)["landmarks"] == "failed"
    assert _detail(report, "landmarks").startswith(message)
    with pytest.raises(PersonaError, match="never rendered"):
        load_pack(synthetic, trust=trust)


def test_a_consented_pack_passes_by_its_record(tmp_path: Path, trust: Trust) -> None:
    report = check(write_folder(tmp_path / "pat", files()), tracker=SEES_IT, trust=trust)
    assert _states(report) == {"files": "passed", "consent": "passed", "form": "passed", "landmarks": "passed"}
    assert "bound to these files, until 20" in _detail(report, "consent")


def test_a_changed_byte_fails_the_whole_check(synthetic: Path, trust: Trust) -> None:
    (synthetic / "portrait.png").write_bytes(encode_png(picture()[::-1]))
    report = check(synthetic, tracker=SEES_IT, trust=trust, render=_renders(picture()))
    assert _states(report) == {"files": "failed"}
    assert "portrait.png was changed" in _detail(report, "files")
    assert report.to_json()["items"][0]["state"] == "failed"


def test_a_form_that_is_wrong_is_reported_and_not_raised(tmp_path: Path, trust: Trust) -> None:
    held = {**files("synthetic"), "landmarks.json": b"{}"}
    report = check(write_folder(tmp_path / "x", held, table("synthetic")), tracker=SEES_IT, trust=trust)
    assert _states(report) == {"files": "passed", "form": "failed"}


def test_comparing_is_exact_for_equal_pictures_and_sees_one_tile() -> None:
    plain = picture()
    assert compare(plain, plain) == (99.0, 99.0)
    spoilt = plain.copy()
    spoilt[:10, :10] ^= 0x80
    whole, tile = compare(plain, spoilt)
    assert tile == pytest.approx(20 * np.log10(255 / 128), abs=0.1)
    assert whole == pytest.approx(tile + 10 * np.log10(256), abs=0.1)


def test_a_damaged_list_of_verified_packs_verifies_nothing(tmp_path: Path, synthetic: Path) -> None:
    trust = Trust(tmp_path / "data")
    check(synthetic, tracker=SEES_IT, trust=trust, render=_renders(picture()))
    (listed,) = (tmp_path / "data").iterdir()
    for damage in (b"", b"[]", b'{"digests": 3}', b"\xff", b"[" * 100_000):
        listed.write_bytes(damage)
        with pytest.raises(PersonaError, match="never rendered"):
            load_pack(synthetic, trust=trust)


def test_a_data_folder_that_cannot_be_written_is_named(tmp_path: Path, synthetic: Path) -> None:
    (tmp_path / "data").write_bytes(b"a file, not a folder")
    with pytest.raises(PersonaError, match=r"verified-personas\.json, cannot be written .* MIEN_DATA_DIR"):
        check(synthetic, tracker=SEES_IT, trust=Trust(tmp_path / "data"), render=_renders(picture()))
