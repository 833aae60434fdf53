"""The streamer's desk: every change that the page, OBS or a stream deck may ask for, checked, made and kept.

One place for all doors (HTTP, WebSocket): a change is a piece of the settings. It is checked as the settings file is,
applied to what runs, and remembered only once it runs.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import platformdirs

from mien.plugin import settings
from mien.plugin.control import gallery, slates
from mien.plugin.control.advice import warnings
from mien.plugin.control.controls import LiveControls
from mien.plugin.control.forms import check_sinks, check_source, is_choice, shown
from mien.realtime.calibration_recorder import CalibrationRecorder
from mien.realtime.config import LiveConfig
from mien.realtime.errors import ConfigError, MienError
from mien.realtime.worker import Worker

Values = dict[str, Any]

#: Settings that can change while it runs, in the order in which they are applied.
CHANGEABLE: Final[tuple[str, ...]] = (
    "persona", "engine", "mode", "edit", "morph", "colour", "background", "badge", "slate", "calibration", "sinks",
    "source",
)  # fmt: skip
#: Settings that are applied with another, which follows in `CHANGEABLE`.
_TOGETHER: Final[Mapping[str, str]] = {"engine": "mode", "background": "badge"}
_PAGE = "preview"


class Desk:
    """Made for one run. All methods but `status` may take as long as loading does: call them off the server's thread.

    Args:
        live: what runs.
        config: what it began with.
        remember: told the settings that were changed, to be kept for next time; None keeps nothing.

    """

    def __init__(
        self, live: LiveControls, config: LiveConfig, *, remember: Callable[[Values], object] | None = None
    ) -> None:
        self.live = live
        self._config = config
        self._remember = remember
        self._version = importlib.metadata.version("mien")
        self._first_run = not settings.settings_path().exists()
        #: One change at a time; never held by what the page asks every second.
        self._lock = threading.Lock()
        self._slate = self._hold = False
        self._switching = ""
        self._calibrating = self._calibrated = False
        self._calibration_problem = ""

    # -- what is

    def status(self) -> Values:
        """Everything that a page shows, plain data; at once. See docs/api.md."""
        stats = {key: value for key, value in self.live.stats().items() if key != "preview_url"}
        recording = self.live.changes.recording
        problem = "" if recording.on else recording.problem
        advice = warnings(
            stats,
            slate=self._slate,
            hold=self._hold,
            background=self._config.background,
            recording_problem=problem,
        )
        return stats | {
            "version": self._version,
            "hold": self._hold,
            "slate": self._slate,
            "switching": self._switching,
            "settings": self._shown_settings(),
            "recording": dataclasses.asdict(recording),
            "calibration": self._calibration(),
            "warnings": [dataclasses.asdict(each) for each in advice],
            "restorable": self._remember is not None and settings.previous_path().exists(),
            "first_run": self._first_run,
        }

    def _shown_settings(self) -> Values:
        """The settings that the page can change; of files only whether there is one: people stream their screen."""
        config = self._config
        listed = config.model_dump(mode="json", include=set(CHANGEABLE))
        listed["source"] = shown(config.source)
        listed["persona"] = shown(config.persona)
        listed["slate"], listed["calibration"] = config.slate is not None, config.calibration is not None
        listed["sinks"] = [spec for spec in self.live.changes.sinks if is_choice(spec)]
        return listed

    def _calibration(self) -> Values:
        step = self.live.changes.calibration_step if self._calibrating else None
        return {
            "on": self._calibrating,
            "prompt": "" if step is None else step.prompt,
            "left_s": 0.0 if step is None else round(step.left_s, 1),
            "problem": self._calibration_problem if step is None else step.problem,
            "done": self._calibrated,
        }

    # -- switches, at once

    def set_slate(self, on: bool | None) -> None:
        """Show the slate or take it back; None: the other way round."""
        self._slate = not self._slate if on is None else on
        self.live.set_slate(self._slate)

    def set_hold(self, on: bool | None) -> None:
        """Freeze the last persona picture or go on; None: the other way round."""
        self._hold = not self._hold if on is None else on
        self.live.set_hold(self._hold)

    # -- changes

    def change(self, values: Mapping[str, Any]) -> list[str]:
        """Change settings while it runs, one after the other, and keep them; returns the names of what was changed.

        Raises:
            ConfigError: an unknown or wrong setting, or one that only a new run takes; nothing has changed.
            MienError: one could not be applied; it is as it was, those before it in `CHANGEABLE` are changed.

        """
        self._check(values)
        with self._lock:
            return self._apply(values)

    def restore(self) -> list[str]:
        """Yesterday's set-up again: all that can be changed while it runs; returns what could not be, in sentences."""
        if self._remember is None:
            raise ConfigError("this run keeps no settings, so there are none to go back to.")
        with self._lock:
            today = settings.load(settings.settings_path())
            yesterday = settings.restore()
            # What neither set was not changed for good, and stays: a demo clip, say.
            keys = [key for key in CHANGEABLE if key in today or key in yesterday]
            return self._apply_all(LiveConfig.build(yesterday).model_dump(mode="json", include=set(keys)))

    def step_persona(self, step: int) -> None:
        """Wear the next persona, or the one before; who follows then is made ready."""
        self.change({"persona": gallery.after(shown(self._config.persona), step)})
        self.live.prepare_persona(gallery.after(shown(self._config.persona), step))

    def prepare_persona(self, name: str) -> None:
        """Have a persona ready that somebody points at; raises `UnknownPersonaError`."""
        gallery.check_known(name)
        self.live.prepare_persona(name)

    def set_slate_picture(self, data: bytes) -> None:
        """Keep an uploaded picture (PNG, JPEG, WebP; `slate.MAX_FILE_BYTES` at most) and show it as the slate."""
        with self._lock:
            path = slates.keep(data)
            try:
                self._apply({"slate": path})
            except BaseException:
                path.unlink(missing_ok=True)
                raise
            slates.forget_old()

    def remove_slate_picture(self) -> None:
        """The built-in slate again."""
        with self._lock:
            self._apply({"slate": None})

    # -- recording

    def record(self, on: bool | None) -> str:
        """Begin or end a recording; None: the other way round. Returns its file's name."""
        with self._lock:
            changes = self.live.changes
            wanted = not changes.recording.on if on is None else on
            if wanted and not changes.recording.on:
                changes.start_recording(self._new_file(".mp4"))
            elif not wanted:
                changes.stop_recording()
            return changes.recording.file

    def snapshot(self) -> str:
        """Keep one marked picture; returns its file's name."""
        path = self._new_file(".png")
        self.live.changes.snapshot(path)
        return path.name

    def _new_file(self, suffix: str) -> Path:
        folder = self._config.recordings or platformdirs.user_videos_path() / "Mien"
        name = f"mien-{datetime.now():%Y-%m-%d-%H-%M-%S}"
        paths = (folder / f"{name}{'' if n == 1 else f'-{n}'}{suffix}" for n in range(1, 100))
        return next(path for path in paths if not path.exists())

    # -- calibration

    def calibrate(self, on: bool) -> None:
        """Begin a calibration on what runs, or cancel it; `status` has its prompts."""
        self._calibrating, self._calibrated, self._calibration_problem = on, False, ""
        self.live.changes.record_calibration(self._recorded if on else None)

    def _recorded(self, recorder: CalibrationRecorder) -> None:
        # On the tracking thread, which must not wait: neither for a disk nor for a persona that is being loaded.
        Worker("calibration", lambda _: self._keep_calibration(recorder)).start()

    def _keep_calibration(self, recorder: CalibrationRecorder) -> None:
        place = settings.settings_path().with_name("calibration.json")
        try:
            recorder.result().save(place)
            with self._lock:
                self._apply({"calibration": place})
            missed = ", ".join(recorder.missed)
            self._calibration_problem = f"Hardly seen: {missed}; it keeps the usual range." if missed else ""
            self._calibrated = True
        except MienError as error:
            self._calibration_problem = str(error)
        self._calibrating = False

    # -- how a setting is applied

    def _check(self, values: Mapping[str, Any]) -> None:
        config = LiveConfig.build(_merged(self._config, values), where="request")
        for key in values:
            if key not in CHANGEABLE:
                raise ConfigError(f"'{key}' cannot be changed while it runs.", hint="Set it, then start Mien again.")
        if any(values.get(key) is not None for key in ("slate", "calibration")):
            raise ConfigError("no path of a file comes in here.", hint="Upload the picture, or calibrate on the page.")
        if "persona" in values:
            gallery.check_known(config.persona)
        if "source" in values:
            check_source(config.source)
        if "sinks" in values:
            check_sinks(config.sinks)

    def _apply_all(self, values: Mapping[str, Any]) -> list[str]:
        failures = []
        for step in _steps(values):
            try:
                wanted = LiveConfig.build(_merged(self._config, step))
                if any(getattr(wanted, key) != getattr(self._config, key) for key in step):
                    self._apply(step)
            except MienError as error:
                failures.append(str(error))
        return failures

    def _apply(self, values: Mapping[str, Any]) -> list[str]:
        done: list[str] = []
        for step in _steps(values):
            config = LiveConfig.build(_merged(self._config, step), where="request")
            # Once where two settings are one change.
            for apply in dict.fromkeys(getattr(self, f"_apply_{key}") for key in step):
                apply(config)
            self._config = config
            if self._remember is not None:
                self._remember(step)
            done += step
        return done

    def _apply_persona(self, config: LiveConfig) -> None:
        self._switching = shown(config.persona)
        try:
            self.live.set_persona(config.persona)
        finally:
            self._switching = ""

    def _apply_engine(self, config: LiveConfig) -> None:
        self.live.changes.set_engine(config.engine, config.mode)

    _apply_mode = _apply_engine

    def _apply_edit(self, config: LiveConfig) -> None:
        self.live.set_edit(config.edit)

    def _apply_morph(self, config: LiveConfig) -> None:
        self.live.set_morph(config.morph)

    def _apply_colour(self, config: LiveConfig) -> None:
        self.live.changes.set_colour(config.colour)

    def _apply_background(self, config: LiveConfig) -> None:
        self.live.changes.set_background(config.background)

    def _apply_badge(self, config: LiveConfig) -> None:
        self.live.changes.set_badge(config.badge)

    def _apply_slate(self, config: LiveConfig) -> None:
        self.live.changes.set_slate_picture(config.slate, language=config.badge.language)

    def _apply_calibration(self, config: LiveConfig) -> None:
        self.live.changes.set_calibration(config.calibration)

    def _apply_source(self, config: LiveConfig) -> None:
        self.live.changes.set_source(config.source)

    def _apply_sinks(self, config: LiveConfig) -> None:
        """The page stays, since it could not be brought back, and so do files, which are no choice of the page."""
        changes = self.live.changes
        for spec in changes.sinks:
            if spec != _PAGE and is_choice(spec) and spec not in config.sinks:
                changes.remove_sink(spec)
        for spec in config.sinks:
            if spec not in changes.sinks:
                changes.add_sink(spec)


def _steps(values: Mapping[str, Any]) -> Iterator[Values]:
    """What is applied at once, in the order of `CHANGEABLE`; of a pair, one may not go with the old other."""
    step: Values = {}
    for key in filter(values.__contains__, CHANGEABLE):
        step[key] = values[key]
        if _TOGETHER.get(key) in values:
            continue
        yield step
        step = {}


def _merged(config: LiveConfig, values: Mapping[str, Any]) -> Values:
    base = config.model_dump()
    for key, value in values.items():
        old = base.get(key)
        base[key] = {**old, **value} if isinstance(old, dict) and isinstance(value, Mapping) else value
    return base
