from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from mien.plugin import settings
from mien.realtime.config import LiveConfig
from mien.realtime.errors import ConfigError


def write(text: str) -> Path:
    path = settings.settings_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_the_folder_is_the_variables() -> None:
    assert settings.settings_path().name == "mien.toml"
    assert settings.settings_path().parent.name == "config"


def test_without_a_variable_the_users_own_folder_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MIEN_CONFIG_DIR")
    assert settings.settings_path().parent.name == "mien"


def test_flags_win_over_the_file_and_the_file_over_the_defaults() -> None:
    write('persona = "viggo"\nwidth = 640\n[badge]\ncorner = "top-left"\nplate = "dark"\n')
    config = settings.resolve({"width": 960, "badge": {"plate": "light"}})
    assert (config.persona, config.width, config.height) == ("viggo", 960, LiveConfig().height)
    assert (config.badge.corner, config.badge.plate) == ("top-left", "light")


def test_a_named_file_replaces_the_users_own_and_must_exist(tmp_path: Path) -> None:
    write('persona = "viggo"\n')
    other = tmp_path / "other.toml"
    other.write_text("width = 640\n", encoding="utf-8")
    assert settings.resolve({}, file=other).persona == LiveConfig().persona
    with pytest.raises(ConfigError, match=r"no settings file .*missing\.toml"):
        settings.resolve({}, file=tmp_path / "missing.toml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("persoan = 1\n", r"mien\.toml: unknown setting 'persoan'\. Did you mean 'persona'\?"),
        ('[badge]\ncornr = "top-left"\n', r"mien\.toml: unknown setting 'badge\.cornr'\. Did you mean 'corner'\?"),
        ("width = 3\n", r"mien\.toml: 'width' got 3"),
        ("[badge]\nvisible = false\n", r"mien\.toml: unknown setting 'badge\.visible'"),
    ],
)
def test_a_wrong_key_or_value_is_named_with_the_file(text: str, message: str) -> None:
    write(text)
    with pytest.raises(ConfigError, match=message):
        settings.resolve({})


def test_a_wrong_flag_is_named_as_one() -> None:
    with pytest.raises(ConfigError, match="command line: 'fps' got 0"):
        settings.resolve({"fps": 0})


def test_broken_toml_names_line_column_and_base_name_alone_and_how_to_reset() -> None:
    path = write("width = 640\nheight = = 3\n")
    with pytest.raises(ConfigError, match=r"^mien\.toml, line 2, column 10: ") as caught:
        settings.resolve({})
    assert "--reset-settings" in caught.value.hint
    assert str(path.parent) not in str(caught.value)


@pytest.mark.parametrize("data", [b"\xff\xfe", b"x" * (settings.MAX_SETTINGS_BYTES + 1)])
def test_a_file_that_is_no_settings_file_is_refused(data: bytes) -> None:
    write("").write_bytes(data)
    with pytest.raises(ConfigError, match=r"^mien\.toml is "):
        settings.load(settings.settings_path())


def test_what_was_set_is_there_tomorrow_and_nothing_else() -> None:
    kept = settings.remember({"persona": "viggo", "badge": {"plate": "dark"}})
    assert kept == {"persona": "viggo", "badge": {"plate": "dark"}}
    assert tomllib.loads(settings.settings_path().read_text()) == kept
    config = settings.resolve({})
    assert (config.persona, config.badge.plate, config.badge.corner) == ("viggo", "dark", "top-right")


def test_a_later_choice_leaves_the_earlier_ones() -> None:
    settings.remember({"persona": "viggo", "badge": {"plate": "dark"}})
    assert settings.remember({"badge": {"corner": "top-left"}}) == {"badge": {"corner": "top-left"}}
    config = settings.resolve({})
    assert (config.persona, config.badge.plate, config.badge.corner) == ("viggo", "dark", "top-left")


def test_only_what_changed_is_told() -> None:
    settings.remember({"persona": "viggo", "width": 640})
    assert settings.remember({"persona": "viggo", "width": 960}) == {"width": 960}
    assert settings.remember({"persona": "viggo", "width": 960}) == {}


@pytest.mark.parametrize(
    ("source", "lasting"),
    [
        ("camera", True),
        ("camera:1", True),
        ("camera:Logitech C920", True),
        ("rtsp://10.0.0.2/stream", True),
        ("rtsp://me:secret@10.0.0.2/stream", False),
        ("talk.mp4", False),
        ("/videos/camera.mp4", False),
        ("C:\\videos\\talk.mp4", False),
        ("pattern", False),
    ],
)
def test_sources_that_are_files_tests_or_secrets_are_not_kept(source: str, lasting: bool) -> None:
    assert settings.remember({"source": source}) == ({"source": source} if lasting else {})
    assert settings.settings_path().exists() == lasting


def test_file_sinks_and_one_shot_choices_are_not_kept() -> None:
    flags = {"sinks": ("virtualcam", "file:out.mp4", "rec.mkv"), "loop": True, "pace": False, "overwrite": True}
    assert settings.remember(flags) == {"sinks": ["virtualcam"]}
    assert settings.remember({"sinks": ("file:out.mp4", "null")}) == {}
    assert settings.resolve({}).sinks == ("virtualcam",)


def test_a_path_is_kept_as_an_absolute_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings.remember({"slate": Path("slate.png")})
    assert settings.resolve({}).slate == tmp_path.resolve() / "slate.png"


def test_a_folder_that_cannot_be_written_is_an_error_that_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MIEN_CONFIG_DIR", str(tmp_path / "file"))
    with pytest.raises(ConfigError, match=r"mien\.toml cannot be ") as caught:
        settings.remember({"persona": "viggo"})
    assert "--no-remember" in caught.value.hint or "cannot be read" in str(caught.value)


def test_a_failed_write_leaves_the_old_file_and_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    settings.remember({"persona": "viggo"})
    before = settings.settings_path().read_bytes()

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    # The disk is the boundary here.
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ConfigError, match="No space left on device"):
        settings.remember({"persona": "amara"})
    assert settings.settings_path().read_bytes() == before
    assert [path.name for path in settings.settings_path().parent.iterdir()] == ["mien.toml"]


def test_reset_sets_the_file_aside() -> None:
    assert settings.reset() is None
    write("height = = 3\n")
    aside = settings.reset()
    assert aside is not None
    assert aside.name == "mien.toml.bak"
    assert aside.read_text() == "height = = 3\n"
    assert settings.resolve({}) == LiveConfig()
