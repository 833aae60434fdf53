"""A run begins with the portrait while its network loads."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mien.engines.personas.library import SHIPPED_DIR
from mien.engines.personas.pack import Persona
from mien.engines.registry import INSTANT, make_ladder
from mien.plugin import Live, LiveConfig, engine_switch
from mien.realtime.engine import Engine
from mien.realtime.errors import EngineError, ModelError, PersonaError


class SlowLoads:
    """amara's network is loaded as ever, but not before `go` is set; `made` are its engines."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.begun = threading.Event()
        self.error: Exception | None = None
        self.made: list[Engine] = []

    def __call__(self, persona: Persona, **options: Any) -> tuple[Engine, ...]:
        if persona.name != "amara" or options["kind"] == INSTANT:
            return make_ladder(persona, **options)
        self.begun.set()
        assert self.go.wait(30.0)
        if self.error is not None:
            raise self.error
        engines = make_ladder(persona, **options)
        self.made.extend(engines)
        return engines


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowLoads]:
    slow = SlowLoads()
    monkeypatch.setattr(engine_switch, "make_ladder", slow)
    yield slow
    slow.go.set()


def config(**changes: Any) -> LiveConfig:
    # So few frames that a busy machine, too, keeps the engine that it has.
    return LiveConfig.build({"source": "pattern", "persona": "amara", "sinks": ("null",), "fps": 10.0, **changes})


def until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 30.0
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def shown(live: Live, name: str) -> bool:
    """Whether an engine of this name comes to run soon."""
    deadline = time.monotonic() + 10.0
    while live.stats()["engine"]["name"] != name and time.monotonic() < deadline:
        live.wait(0.02)
    return bool(live.stats()["engine"]["name"] == name)


def test_the_portrait_stands_in_until_the_network_is_loaded(loads: SlowLoads) -> None:
    events: list[str] = []
    with Live(config(), on_event=events.append) as live:
        assert not live.wait_ready(0.0)
        engine = live.stats()["engine"]
        assert engine["name"] == "mesh"
        assert "stands in while the trained network loads" in engine["reason"]
        live.set_edit("smile=+0.2")
        loads.go.set()
        assert live.wait_ready(30.0)
        assert shown(live, "swapnet-base")
        stats = live.stats()
    assert stats["engine"]["edits"]
    assert (stats["edit"], stats["last_error"]) == ("smile=+0.2", "")
    assert any("swapnet-base" in event for event in events)


def test_an_engine_that_is_asked_for_by_name_runs_from_the_first_frame_on(loads: SlowLoads) -> None:
    loads.go.set()
    with Live(config(engine="swapnet")) as live:
        assert live.wait_ready(0.0)
        assert live.stats()["engine"]["name"] == "swapnet-base"


def test_another_persona_chosen_meanwhile_is_not_changed_back(loads: SlowLoads) -> None:
    with Live(config()) as live:
        assert loads.begun.wait(10.0)
        live.set_persona("viggo")
        loads.go.set()
        until(lambda: loads.made)
        live.wait(0.3)
        stats = live.stats()
    assert all(each._closed for each in loads.made if hasattr(each, "_closed"))
    # On a machine that cannot keep up the governor may have taken the portrait's smaller rung by now.
    assert (stats["persona"], stats["engine"]["name"].removesuffix("-half")) == ("viggo", "mesh")


def test_a_network_that_cannot_run_leaves_the_portrait_and_says_why(loads: SlowLoads) -> None:
    loads.error = ModelError("the decoder prints noise.")
    events: list[str] = []
    with Live(config(edit="smile=+0.2"), on_event=events.append) as live:
        loads.go.set()
        assert live.wait_ready(30.0)
        live.wait(0.3)
        stats = live.stats()
        with pytest.raises(EngineError, match="'mesh' cannot edit"):
            live.set_edit("smile=+0.3")
    assert stats["engine"]["name"] == "mesh"
    assert "cannot run here: the decoder prints noise." in stats["engine"]["reason"]
    assert stats["frames"]["errors"] == 0
    assert any("the edit rests" in event for event in events)


def test_whoever_is_told_of_the_network_may_edit_at_once(loads: SlowLoads) -> None:
    def told(text: str) -> None:
        if text.startswith("engine:"):
            live.set_edit("smile=+0.2")

    live = Live(config(), on_event=told)
    with live:
        loads.go.set()
        assert live.wait_ready(30.0)
        assert live.stats()["edit"] == "smile=+0.2"


def test_a_slider_does_not_wait_for_another_persona_s_network(loads: SlowLoads) -> None:
    # By its name the network is waited for: nothing stands in.
    with Live(config(persona="mateo", engine="swapnet")) as live:
        change = threading.Thread(target=live.set_persona, args=("amara",))
        change.start()
        assert loads.begun.wait(10.0)
        live.set_edit("smile=+0.2")
        assert live.stats()["edit"] == "smile=+0.2"
        assert live.stats()["persona"] == "mateo"
        loads.go.set()
        change.join(30.0)
        assert live.stats()["persona"] == "amara"


def test_a_persona_that_is_loaded_when_the_run_has_ended_is_closed(loads: SlowLoads) -> None:
    errors: list[Exception] = []

    def change() -> None:
        try:
            live.set_persona("amara")
        except EngineError as error:
            errors.append(error)

    live = Live(config(persona="mateo", engine="swapnet"))
    with live:
        late = threading.Thread(target=change)
        late.start()
        assert loads.begun.wait(10.0)
    loads.go.set()
    late.join(30.0)
    assert len(errors) == 1
    assert loads.made[0]._closed  # type: ignore[attr-defined]


def test_a_run_that_ends_while_its_network_loads_closes_it(loads: SlowLoads) -> None:
    with Live(config()) as live:
        assert loads.begun.wait(10.0)
        threading.Timer(0.2, loads.go.set).start()
    assert live.wait_ready(0.0)
    assert [each.name for each in threading.enumerate() if each.name == "mien-loader"] == []
    assert loads.made[0]._closed  # type: ignore[attr-defined]


def test_a_trained_persona_is_worn_at_once_and_the_network_follows(loads: SlowLoads) -> None:
    events: list[str] = []
    with Live(config(persona="viggo"), on_event=events.append) as live:
        live.set_persona("amara")
        assert not live.wait_ready(0.0)
        assert live.stats()["persona"] == "amara"
        assert shown(live, "mesh")
        live.set_edit("smile=+0.2")
        loads.go.set()
        assert live.wait_ready(30.0)
        assert shown(live, "swapnet-base")
        assert live.stats()["frames"]["errors"] == 0
    assert not any("the edit rests" in event for event in events)


def test_whoever_was_worn_is_worn_again_without_being_made_again(
    loads: SlowLoads, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def counted(persona: Persona, **options: Any) -> tuple[Engine, ...]:
        made.append(f"{persona.name} {options['kind']}")
        return loads(persona, **options)

    monkeypatch.setattr(engine_switch, "make_ladder", counted)
    loads.go.set()
    with Live(config(persona="viggo")) as live:
        for name in ("amara", "viggo", "amara", "viggo", "amara"):
            live.set_persona(name)
            assert live.wait_ready(30.0)
        assert shown(live, "swapnet-base")
        assert made == ["viggo auto", "amara mesh", "amara auto"]
        live.changes.set_engine("mesh", "swap")
        live.changes.set_engine("auto", "swap")
        live.changes.set_engine("mesh", "swap")
        assert shown(live, "mesh")
        assert made[3:] == ["amara mesh"]
        assert live.stats()["frames"]["errors"] == 0
    assert all(each._closed for each in loads.made if hasattr(each, "_closed"))


def test_who_is_pointed_at_is_ready_when_chosen(loads: SlowLoads, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[str, str, Any]] = []

    def counted(persona: Persona, **options: Any) -> tuple[Engine, ...]:
        made.append((persona.name, options["kind"], options["frame_px"]))
        return loads(persona, **options)

    monkeypatch.setattr(engine_switch, "make_ladder", counted)
    with Live(config(persona="viggo", width=320, height=180)) as live:
        live.prepare_persona("opal")
        until(lambda: len(made) == 2)
        live.set_persona("opal")
        # Of whom a network is to be loaded, the portrait that stands in.
        live.prepare_persona("amara")
        until(lambda: len(made) == 3)
        live.prepare_persona("nobody")
        live.set_persona("amara")
        assert live.stats()["persona"] == "amara"
        assert loads.begun.wait(10.0)
        assert [each[:2] for each in made] == [
            ("viggo", "auto"),
            ("opal", "auto"),
            ("amara", "mesh"),
            ("amara", "auto"),
        ]
        assert {each[2] for each in made} == {(320, 180)}
        loads.go.set()


def test_a_pack_that_changes_between_two_wearings_is_loaded_anew(tmp_path: Path) -> None:
    mine = tmp_path / "opal"
    shutil.copytree(SHIPPED_DIR / "opal", mine)
    with Live(config(persona="viggo")) as live:
        live.set_persona(str(mine))
        live.set_persona("viggo")
        portrait = mine / "portrait.jpg"
        whole = portrait.read_bytes()
        portrait.write_bytes(whole[:-1] + b"x")
        with pytest.raises(PersonaError, match="was changed"):
            live.set_persona(str(mine))
        assert live.stats()["persona"] == "viggo"
        portrait.write_bytes(whole)
        live.set_persona(str(mine))
        assert live.stats()["persona"] == "opal"
