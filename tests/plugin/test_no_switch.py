"""Nothing that can be set takes the badge or the watermark off: everything is found, and tried."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_runner import Mien
from pydantic import BaseModel

import mien.realtime.watermark
from mien.engines.verify.marked import detect_still
from mien.plugin import Live, LiveConfig
from mien.plugin.commands.tree import COMMANDS, _load
from mien.realtime import mark
from mien.realtime.config import BadgeSettings
from mien.realtime.errors import ConfigError, MienError
from mien.realtime.frame import Pixels
from mien.realtime.mark import Marker

REPOSITORY = Path(__file__).parents[2]
SIZE = (320, 180)
#: Words in the name of a thing that could be a switch of the mark.
SUSPECT = re.compile(r"mark|badge|label|stamp|disclos|embed|synthetic", re.IGNORECASE)


def is_marked(pixels: Pixels, ground: Pixels) -> bool:
    """Whether both are there: the watermark, decoded, and a badge, which changes more than a watermark's one level."""
    badge_px = int((np.abs(pixels.astype(int) - ground) > 40).any(axis=2).sum())
    return detect_still(pixels).found and badge_px > 200


def frame_of(marker: Marker) -> tuple[Pixels, Pixels]:
    """(marked, ground) of a grey persona frame."""
    ground = np.full((SIZE[1], SIZE[0], 3), 110, np.uint8)
    marked = marker.mark_persona(
        ground.copy(), label="modified", sequence=0, capture_ns=0, media_ns=0, now_ns=0, keep_clear=()
    )
    return marked.pixels, ground


# -- settings

#: Values to try for each setting; together they are all that the setting can be, or its ends.
TRIED: dict[str, tuple[Any, ...]] = {
    "engine": ("auto", "mesh"),
    "mode": ("swap", "portrait"),
    "background": ("keep", "blur", "green", "alpha"),
    "faces": ("locked", "largest", "all"),
    "bystanders": ("cover", "show"),
    "loop": (False, True),
    "overwrite": (False, True),
    "occluders": (True, False),
    "colour": (0.9, 0.0, 1.0),
    "badge.corner": ("top-left", "top-right", "bottom-left", "bottom-right"),
    "badge.plate": ("auto", "light", "dark", "#000000", "#ffffff", "#6e6e6e"),
    "badge.language": ("de", "en", "es", "fr", "it", "nl", "pl", "pt"),
    "loss.hold_s": (0.0, 1.5),
    "loss.hold_beside_other_s": (0.0, 0.5),
    "loss.fade_s": (0.0, 0.2),
}
#: Settings that say what is shown, whence and where to, tried by the tests of their own parts.
NOT_TRIED = {
    "source": "what is looked at: camera frames are marked as CAMERA alone, all others go through the marker",
    "sinks": "where marked frames go; see test_every_sink.py",
    "persona": "whom frames show",
    "edit": "an expression; a trained persona is needed",
    "morph": "how far a frame goes from the driver to the persona; an imported model is needed, see test_cli_import.py",
    "device": "what paints: cuda needs a GPU, and its painter is held to the mark by tests/cuda/test_cuda_painter.py",
    "width": "asked of a camera",
    "height": "asked of a camera",
    "fps": "asked of a camera",
    "pace": "as fast as the machine can, here always",
    "calibration": "a file about the user's face",
    "slate": "a picture: marked like the built-in one",
    "recordings": "the folder of files that are marked like all others",
    "preview_port": "where the page listens",
    "credentials.identity": "whose certificate signs a file; the signature is beside the mark",
    "credentials.certificate": "as above",
    "credentials.key": "as above",
}


def keys_of(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from keys_of(kind, f"{prefix}{name}.")
        else:
            yield prefix + name


def test_every_setting_is_known_here() -> None:
    assert set(keys_of(LiveConfig)) == set(TRIED) | set(NOT_TRIED)
    assert not set(TRIED) & set(NOT_TRIED)
    assert {key for key in keys_of(LiveConfig) if SUSPECT.search(key)} == {
        f"badge.{key}" for key in BadgeSettings.model_fields
    }


@pytest.mark.parametrize("turn", range(max(map(len, TRIED.values()))))
def test_no_setting_takes_the_mark_off(turn: int) -> None:
    """Live runs that between them take every value of every setting once."""
    values: dict[str, Any] = {"source": "pattern", "sinks": (), "pace": False, "persona": "viggo"}
    for key, choices in TRIED.items():
        group, _, name = key.rpartition(".")
        (values.setdefault(group, {}) if group else values)[name] = choices[turn % len(choices)]
    with Live(LiveConfig.build(values)) as live:
        frame = next(frame for frame in live if frame.kind == "persona")
        session = live.session_id
    result = detect_still(frame.pixels)
    assert result.found
    assert result.sessions == (session,)


@pytest.mark.parametrize(
    "table",
    [
        {"watermark": False},
        {"mark": "off"},
        {"badge": {"enabled": False}},
        {"badge": {"opacity": 0}},
        {"badge": {"corner": "none"}},
        {"badge": {"plate": ""}},
        {"badge": {"plate": "#00000000"}},
        {"badge": {"language": ""}},
        {"badge": {"language": "xx"}},
        {"badge": False},
        {"badge": None},
    ],
)
def test_what_is_no_setting_is_refused(table: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Marker(*SIZE, LiveConfig.build(table).badge)


# -- options

#: Options that are no setting of a run.
OPTIONS_BESIDE_SETTINGS = {
    "seconds", "open_page", "config", "remember", "reset_settings", "as_json", "input", "output", "help", "sink",
}  # fmt: skip


def options() -> Iterator[tuple[str, Any]]:
    """(command, parameter) of every option and argument there is."""

    def within(path: str, command: Any) -> Iterator[tuple[str, Any]]:
        for parameter in command.params:
            yield path, parameter
        for name, child in getattr(command, "commands", {}).items():
            yield from within(f"{path} {name}", child)

    for name in COMMANDS:
        yield from within(name, _load(name))


def test_no_option_of_any_command_is_about_the_mark_but_how_the_badge_looks() -> None:
    spelt = {
        name
        for _, parameter in options()
        for name in (parameter.name, *parameter.opts, *parameter.secondary_opts)
        if SUSPECT.search(name)
    }
    looks = {"badge_corner", "badge_plate", "badge_language", "--badge-corner", "--badge-plate", "--badge-language"}
    assert spelt == looks


def test_options_of_what_makes_frames_are_settings() -> None:
    settings = {key.replace("badge.", "badge_") for key in keys_of(LiveConfig)}
    names = {parameter.name for command, parameter in options() if command in ("run", "convert")}
    assert names - settings == names & OPTIONS_BESIDE_SETTINGS


@pytest.mark.parametrize("command", ["run", "convert", "demo", "bench"])
@pytest.mark.parametrize(
    "flag", ["--no-badge", "--no-mark", "--no-watermark", "--watermark=off", "--badge=none", "--unmarked", "--raw"]
)
def test_a_flag_that_would_is_refused(command: str, flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    result = Mien(capsys)(command, flag)
    assert result.code == 2
    assert "No such option" in result.err


# -- environment

#: Variables that the code reads, and what for.
VARIABLES = {
    "MIEN_CACHE_DIR": "where the face model is kept",
    "MIEN_CONFIG_DIR": "where the settings are kept",
    "MIEN_DATA_DIR": "where personas and the salts of sessions are kept",
    "XDG_CONFIG_HOME": "where OBS keeps its settings on Linux",
    "NNCF_CI": "no telemetry of the tool that makes eight-bit networks",
    "PROCESSOR_IDENTIFIER": "the processor's name on Windows",
    "ONEDNN_MAX_CPU_ISA": "the newest instructions that OpenVINO and PyTorch may use",
    "DNNL_MAX_CPU_ISA": "the same, by its older name",
    "OMP_NUM_THREADS": "threads of a worker that renders",
    "OPENBLAS_NUM_THREADS": "the same",
    "MKL_NUM_THREADS": "the same",
}


def variables() -> set[str]:
    """Every name in capitals that a module which touches the environment has as a text, and every MIEN_ name."""
    found = set()
    for top in ("realtime", "engines", "plugin"):
        for path in (REPOSITORY / top).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            if not any(word in text for word in ("environ", "getenv", "MIEN_")):
                continue
            names = {
                node.value
                for node in ast.walk(ast.parse(text))
                if isinstance(node, ast.Constant) and isinstance(node.value, str)
                if re.fullmatch(r"[A-Z][A-Z0-9]*_[A-Z0-9_]+", node.value)
            }
            touches = "environ" in text or "getenv" in text
            found |= {name for name in names if touches or name.startswith("MIEN_")}
    return found


def test_every_variable_is_known_here() -> None:
    assert variables() <= set(VARIABLES)
    assert {"MIEN_CACHE_DIR", "MIEN_CONFIG_DIR", "MIEN_DATA_DIR"} <= variables()


def test_no_variable_takes_the_mark_off(tmp_path: Path) -> None:
    guesses = ["MIEN_WATERMARK", "MIEN_BADGE", "MIEN_MARK", "MIEN_NO_MARK", "MIEN_NO_WATERMARK", "MIEN_DEBUG"]
    program = (
        "import json, sys; sys.path[:0] = json.loads(sys.argv[1])\n"
        "from test_no_switch import frame_of, is_marked, SIZE\n"
        "from mien.realtime.mark import Marker\n"
        "print(is_marked(*frame_of(Marker(*SIZE))))"
    )
    for value in ("0", "off"):
        environment = {**os.environ, **dict.fromkeys([*VARIABLES, *guesses], value)}
        # Numbers, or libraries complain.
        environment |= {name: "1" for name in VARIABLES if name.endswith("_THREADS")}
        ran = subprocess.run(
            [sys.executable, "-c", program, json.dumps(sys.path)],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.stdout.strip() == "True", ran.stderr


# -- functions

#: Parameters of the marking code whose names look like a switch, and what they are.
PARAMETERS = {
    "Marker.badge": "how the badge looks: a BadgeSettings",
    "Marker.set_badge.badge": "the same, while it runs",
    "Marker.mark_persona.label": "which words the badge has: modified or generated",
    "Marker.repeat.marked": "a frame that is marked already",
}
ODD = (None, False, 0, "", "off", [], {})


def public() -> Iterator[tuple[str, Any]]:
    """(name, function or class) of all that the marking modules offer."""
    package = mien.realtime.watermark
    modules = [
        mark,
        *(importlib.import_module(f"{package.__name__}.{m.name}") for m in pkgutil.iter_modules(package.__path__)),
    ]
    for module in modules:
        for name, value in vars(module).items():
            if callable(value) and getattr(value, "__module__", "") == module.__name__ and not name.startswith("_"):
                yield name, value


def signatures() -> Iterator[tuple[str, str]]:
    """(where, parameter) of all of them and of the public methods of the classes."""
    for name, value in public():
        yield from ((name, parameter) for parameter in inspect.signature(value).parameters)
        if isinstance(value, type):
            for method, function in inspect.getmembers(value):
                if not method.startswith("_") and (inspect.isfunction(function) or inspect.ismethod(function)):
                    yield from ((f"{name}.{method}", parameter) for parameter in inspect.signature(function).parameters)


def test_no_parameter_of_the_marking_code_is_a_switch() -> None:
    suspect = re.compile(f"{SUSPECT.pattern}|enable|disable|skip|off|amplitude|strength|opacity|visible|hidden|force")
    assert {f"{where}.{name}" for where, name in signatures() if suspect.search(name)} == set(PARAMETERS)


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize("name", ["badge", "session"])
def test_odd_arguments_mark_all_the_same_or_are_refused(name: str, value: Any) -> None:
    try:
        marker = Marker(*SIZE, **{name: value})
        shown = frame_of(marker)
    except (MienError, TypeError, AttributeError):
        return
    assert is_marked(*shown)


@pytest.mark.parametrize("value", ODD)
def test_odd_labels_mark_all_the_same_or_are_refused(value: Any) -> None:
    ground = np.full((SIZE[1], SIZE[0], 3), 110, np.uint8)
    with pytest.raises((MienError, TypeError, KeyError)):
        Marker(*SIZE).mark_persona(ground.copy(), label=value, sequence=0, capture_ns=0, media_ns=0, now_ns=0)


@pytest.mark.parametrize("value", ODD)
def test_no_public_name_of_a_marker_can_be_set_to_take_the_mark_off(value: Any) -> None:
    marker = Marker(*SIZE)
    for name in [name for name in dir(marker) if not name.startswith("_")]:
        if callable(getattr(marker, name)):
            continue
        with pytest.raises(AttributeError):
            setattr(marker, name, value)
    marker.announce()
    assert is_marked(*frame_of(marker))


def test_the_badge_lies_under_any_faces() -> None:
    marker = Marker(*SIZE)
    ground = np.full((SIZE[1], SIZE[0], 3), 110, np.uint8)
    everywhere = (0.0, 0.0, float(SIZE[0]), float(SIZE[1]))
    for clear in ((everywhere,), (everywhere,) * 50, ((np.inf,) * 4,), ((-1e9, -1e9, 1e9, 1e9),)):
        pixels = marker.mark_persona(
            ground.copy(), label="modified", sequence=0, capture_ns=0, media_ns=0, now_ns=0, keep_clear=clear
        ).pixels
        assert is_marked(pixels, ground)
