from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from obs_server import FakeObs, Running, configure, item

from mien.plugin.obs.journal import Journal, Kept, MicrophoneDelayed, SourceMade
from mien.plugin.obs.watch import ObsWatch
from mien.realtime.config import BadgeSettings

PATIENCE_S = 20.0
ALL = {"top-left", "top-right", "bottom-left", "bottom-right"}


class Told:
    """What the live path hears."""

    def __init__(self) -> None:
        self.shown: list[bool] = []
        self.corners: list[frozenset[str]] = []
        self.events: list[str] = []
        self.read = True


@pytest.fixture
def obs() -> FakeObs:
    fake = FakeObs(password="secret")
    fake.inputs["Mien"] = {"kind": "ffmpeg_source", "settings": {}, "filters": [], "sync": 0}
    fake.scenes["Talk"].append(item(9, "Mien", "ffmpeg_source", sourceWidth=1280.0, sourceHeight=720.0, scaleX=1.5,
                                    scaleY=1.5))  # fmt: skip
    return fake


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    made = Journal(Kept(folder=tmp_path, source="Mien", port=9000))
    made.add(SourceMade(collection="Stream", name="Mien"))
    return made


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def watch(journal: Journal, told: Told, monkeypatch: pytest.MonkeyPatch) -> Iterator[ObsWatch]:
    monkeypatch.setattr("mien.plugin.obs.watch.RETRY_S", 0.05)
    made = ObsWatch(
        journal, badge=BadgeSettings, is_read=lambda: told.read, on_shown=told.shown.append,
        on_corners=told.corners.append, on_event=told.events.append,
    )  # fmt: skip
    yield made
    made.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "mien-obs-watch"]


def until(true: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(int(PATIENCE_S / 0.02)):
        if true():
            return
        pause.wait(0.02)
    raise AssertionError("it did not come about")


def test_whether_the_source_is_shown_follows_obs(watch: ObsWatch, told: Told, journal: Journal, obs: FakeObs) -> None:
    running = Running(obs)
    with running:
        configure(journal.folder, obs)
        watch.start()
        until(lambda: told.shown[-1:] == [True] and watch.state["connected"])
        obs.showing = False
        running.tell("InputShowStateChanged", inputName="Mien", videoShowing=False)
        until(lambda: told.shown[-1] is False)
        assert watch.state["shown"] is False
        obs.showing = True
        running.tell("CurrentProgramSceneChanged", sceneName="Game")
        until(lambda: told.shown[-1] is True)


def test_an_obs_that_goes_away_hides_nothing_and_is_found_again(
    watch: ObsWatch, told: Told, journal: Journal, obs: FakeObs
) -> None:
    obs.showing = False
    watch.start()
    with Running(obs):
        configure(journal.folder, obs)
        until(lambda: told.shown[-1:] == [False])
    # Nobody can say now, so it counts as seen.
    until(lambda: told.shown[-1] is True and not watch.state["connected"])
    with Running(obs):
        configure(journal.folder, obs)
        until(lambda: told.shown[-1] is False)
    assert told.events == []


def test_a_source_of_another_collection_counts_as_seen(
    watch: ObsWatch, told: Told, journal: Journal, obs: FakeObs
) -> None:
    obs.showing, obs.collection = False, "Other"
    with Running(obs):
        configure(journal.folder, obs)
        watch.start()
        until(lambda: watch.state["connected"] and bool(told.corners))
        assert set(told.shown) == {True}


def test_the_corners_that_are_seen_are_passed_on_and_trouble_is_said_once(
    watch: ObsWatch, told: Told, journal: Journal, obs: FakeObs
) -> None:
    running = Running(obs)
    with running:
        configure(journal.folder, obs)
        watch.start()
        until(lambda: told.corners[-1:] == [frozenset(ALL)])
        placed = obs.scenes["Talk"][-1]["sceneItemTransform"]
        placed["cropTop"] = 100
        running.tell("SceneItemTransformChanged", sceneName="Talk", sceneItemId=9)
        until(lambda: told.corners[-1] == {"bottom-left", "bottom-right"})
        assert told.events == []
        placed["cropBottom"] = 100
        for _ in range(3):
            running.tell("SceneItemTransformChanged", sceneName="Talk", sceneItemId=9)
        until(lambda: bool(watch.state["warnings"]))
        assert [event for event in told.events if "cut off" in event] == told.events
        assert len(told.events) == 1


def test_a_wrong_password_is_said_once(watch: ObsWatch, told: Told, journal: Journal, obs: FakeObs) -> None:
    with Running(obs):
        configure(journal.folder, obs, "wrong")
        watch.start()
        until(lambda: len(told.shown) > 3)
    assert len([event for event in told.events if "refused the password" in event]) == 1
    assert not any("wrong" in event for event in told.events)


def test_the_microphone_is_put_back_at_the_end(journal: Journal, told: Told, watch: ObsWatch, obs: FakeObs) -> None:
    with Running(obs):
        configure(journal.folder, obs)
        watch.start()
        until(lambda: watch.state["connected"] and bool(told.corners))
        # By the command, while Mien runs.
        journal.add(MicrophoneDelayed(collection="Stream", name="Mic", before_ms=20, set_ms=110))
        obs.inputs["Mic"]["sync"] = 110
        watch.close()
        assert obs.inputs["Mic"]["sync"] == 20
    kept = Journal.load()
    assert kept is not None
    assert [change.kind for change in kept.changes] == ["source"]


def test_what_a_killed_run_left_is_put_back_first(journal: Journal, told: Told, watch: ObsWatch, obs: FakeObs) -> None:
    journal.add(MicrophoneDelayed(collection="Stream", name="Mic", before_ms=20, set_ms=110))
    obs.inputs["Mic"]["sync"] = 110
    with Running(obs):
        configure(journal.folder, obs)
        watch.start()
        until(lambda: obs.inputs["Mic"]["sync"] == 20)


def test_an_offset_that_the_user_changed_since_is_theirs(
    journal: Journal, told: Told, watch: ObsWatch, obs: FakeObs
) -> None:
    journal.add(MicrophoneDelayed(collection="Stream", name="Mic", before_ms=20, set_ms=110))
    obs.inputs["Mic"]["sync"] = 75
    with Running(obs):
        configure(journal.folder, obs)
        watch.start()
        until(lambda: any("somebody set 75 ms since" in event for event in told.events))
    assert obs.inputs["Mic"]["sync"] == 75


def test_obs_that_never_runs_costs_nothing_and_ends_at_once(watch: ObsWatch, told: Told) -> None:
    watch.start()
    until(lambda: len(told.shown) > 2)
    watch.close()
    assert set(told.shown) == {True}


def test_a_source_that_has_given_up_is_woken_until_it_reads(
    watch: ObsWatch, told: Told, journal: Journal, obs: FakeObs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mien.plugin.obs.watch._WAKE_S", 0.05)
    told.read = False
    with Running(obs):
        configure(journal.folder, obs)
        watch.start()
        until(lambda: len(obs.actions) > 2)
        assert set(obs.actions) == {"OBS_WEBSOCKET_MEDIA_INPUT_ACTION_RESTART"}
        assert obs.inputs["Mien"]["settings"]["input"] == "tcp://127.0.0.1:9000"
        told.read = True
        # One may be on its way.
        watch.close()
        assert len(obs.actions) < 20


def test_a_source_that_is_not_ours_is_left_alone(watch: ObsWatch, told: Told, journal: Journal, obs: FakeObs) -> None:
    told.read, obs.collection = False, "Other"
    with Running(obs):
        configure(journal.folder, obs)
        watch.start()
        until(lambda: watch.state["connected"] and bool(told.corners))
        assert obs.actions == []


def test_an_answer_that_cannot_be_read_hides_nothing_and_is_said_once(
    watch: ObsWatch, told: Told, journal: Journal, obs: FakeObs
) -> None:
    obs.showing = False
    obs.scenes["Talk"][-1]["sceneItemTransform"].pop("cropTop")
    with Running(obs):
        configure(journal.folder, obs)
        watch.start()
        until(lambda: told.shown.count(True) > 2)
        assert told.corners[-1] == frozenset()
        assert [event for event in told.events if "cannot read" in event] == told.events
        assert len(told.events) == 1
        obs.scenes["Talk"][-1]["sceneItemTransform"]["cropTop"] = 0
        until(lambda: told.corners[-1] == ALL)
