from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
from obs_server import TRANSFORM, FakeObs, item, serving

from mien.plugin.obs.client import ObsClient, connect
from mien.plugin.obs.errors import ObsError
from mien.plugin.obs.install import filling, find_webcams, fitted, make_source, replace, settle, source_settings
from mien.plugin.obs.journal import Journal, Kept, SourceMade
from mien.plugin.obs.undo import put_back

T = TypeVar("T")
SIZE = (1280, 720)


def in_obs(obs: FakeObs, work: Callable[[ObsClient], Awaitable[T]]) -> T:
    async def run() -> T:
        async with serving(obs), connect(obs.port, obs.password) as client:
            return await work(client)

    return asyncio.run(run())


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(Kept(folder=tmp_path, source="Mien", port=9000))


async def install(client: ObsClient, journal: Journal, told: list[str] | None = None) -> list[str]:
    """What `mien obs install --yes` does; gives what was replaced."""
    home = await make_source(client, journal)
    replaced = [webcam for webcam in await find_webcams(client) if webcam.places]
    for webcam in replaced:
        await replace(client, journal, webcam, size=SIZE, tell=(told if told is not None else []).append)
    if home is not None:
        await settle(client, home, size=SIZE, needed=not replaced)
    return [webcam.name for webcam in replaced]


def test_the_media_source_reads_the_stream_without_a_buffer() -> None:
    settings = source_settings(9123)
    assert settings["input"] == "tcp://127.0.0.1:9123"
    assert settings["input_format"] == "nut"
    assert settings["buffering_mb"] == 0
    assert settings["reconnect_delay_sec"] == 1
    assert settings["ffmpeg_options"] == "fflags=nobuffer use_wallclock_as_timestamps=1"
    assert not settings["is_local_file"]


def test_a_webcam_is_replaced_in_all_its_places(journal: Journal) -> None:
    obs = FakeObs()
    assert in_obs(obs, lambda client: install(client, journal)) == ["Webcam"]
    ours = dict(obs.places("Mien"))
    assert set(ours) == {"Talk", "Game"}
    assert all(held["sceneItemEnabled"] for held in ours.values())
    assert not any(held["sceneItemEnabled"] for _, held in obs.places("Webcam"))
    # Directly above the webcam, and below what was above that.
    assert [held["sourceName"] for held in obs.scenes["Talk"]] == ["Webcam", "Mien", "Mic"]
    placed = ours["Game"]["sceneItemTransform"]
    # A camera of 1920 px at half its size is a stream of 1280 px at three quarters.
    assert (placed["scaleX"], placed["positionX"], placed["cropLeft"]) == (0.75, 900.0, 200)
    assert obs.inputs["Mien"]["filters"] == obs.inputs["Webcam"]["filters"]


def test_a_replaced_webcam_neither_shows_a_face_nor_holds_the_camera(journal: Journal) -> None:
    obs = FakeObs()
    in_obs(obs, lambda client: install(client, journal))
    assert obs.inputs["Webcam"]["settings"] == {"device_id": "", "input": 0}
    assert in_obs(obs, find_webcams) == []


@pytest.mark.parametrize("settings", [{"device_id": "/dev/video0", "input": 1}, {"input": 1}])
def test_everything_is_put_back(journal: Journal, settings: dict[str, object]) -> None:
    obs = FakeObs()
    obs.inputs["Webcam"]["settings"] = settings
    obs.scenes["Game"][0]["sceneItemEnabled"] = False
    before = obs.state()
    in_obs(obs, lambda client: install(client, journal))
    assert obs.state() != before
    # Read anew, as the command does.
    left = in_obs(obs, lambda client: put_back(client, Journal.load() or journal, tell=[].append))
    assert left == []
    assert obs.state() == before


def test_a_second_install_changes_nothing(journal: Journal) -> None:
    obs = FakeObs()
    in_obs(obs, lambda client: install(client, journal))
    once = obs.state()
    assert in_obs(obs, lambda client: install(client, journal)) == []
    assert obs.state() == once


def test_a_hidden_webcam_is_replaced_by_a_hidden_source(journal: Journal) -> None:
    obs = FakeObs()
    obs.scenes["Game"][0]["sceneItemEnabled"] = False
    in_obs(obs, lambda client: install(client, journal))
    assert not dict(obs.places("Mien"))["Game"]["sceneItemEnabled"]


def test_without_a_webcam_the_source_fills_the_scene_on_air(journal: Journal) -> None:
    obs = FakeObs()
    del obs.inputs["Webcam"]
    obs.scenes = {"Talk": [], "Game": []}
    assert in_obs(obs, lambda client: install(client, journal)) == []
    ((scene, held),) = obs.places("Mien")
    assert scene == "Talk"
    assert held["sceneItemEnabled"]
    assert held["sceneItemTransform"]["scaleX"] == 1.5


def test_a_source_of_somebody_else_is_not_taken_over(journal: Journal) -> None:
    obs = FakeObs()
    obs.inputs["Mien"] = {"kind": "ffmpeg_source", "settings": {"input": "song.mp3"}, "filters": [], "sync": 0}
    before = obs.state()
    with pytest.raises(ObsError, match="not Mien's"):
        in_obs(obs, lambda client: install(client, journal))
    assert obs.state() == before


@pytest.mark.parametrize("device", ["Mien", "/dev/video10 (Mien)", "OBS Virtual Camera:", ""])
def test_a_device_that_shows_no_bare_face_is_no_webcam(device: str) -> None:
    obs = FakeObs()
    obs.inputs["Webcam"]["settings"]["device_id"] = device
    assert in_obs(obs, find_webcams) == []


@pytest.mark.parametrize("kind", ["dshow_input", "av_capture_input", "macos-avcapture", "pipewire-camera-source"])
def test_webcams_of_other_systems_are_found(kind: str) -> None:
    obs = FakeObs()
    obs.inputs["Webcam"] |= {"kind": kind, "settings": {}}
    (found,) = in_obs(obs, find_webcams)
    assert (found.name, found.kind) == ("Webcam", kind)


def test_a_place_in_a_group_is_told_of(journal: Journal) -> None:
    obs, told = FakeObs(), []
    obs.groups["Corner"] = [item(7, "Webcam", "v4l2_input")]
    in_obs(obs, lambda client: install(client, journal, told))
    assert any("in the group 'Corner'" in sentence for sentence in told)


def test_what_the_user_removed_since_is_not_missed(journal: Journal) -> None:
    obs, told = FakeObs(), []
    in_obs(obs, lambda client: install(client, journal))
    del obs.inputs["Webcam"]
    for scene in obs.scenes:
        obs.scenes[scene] = [held for held in obs.scenes[scene] if held["sourceName"] != "Webcam"]
    assert in_obs(obs, lambda client: put_back(client, journal, tell=told.append)) == []
    assert "device of 'Webcam': not there any more" in told
    assert "Mien" not in obs.inputs


def test_another_scene_collection_is_left_alone(journal: Journal) -> None:
    obs = FakeObs()
    in_obs(obs, lambda client: install(client, journal))
    installed = obs.state()
    obs.collection = "Other"
    left = in_obs(obs, lambda client: put_back(client, journal, tell=[].append))
    assert SourceMade(collection="Stream", name="Mien") in left
    assert obs.state() == installed


def test_an_obs_that_ends_halfway_can_be_put_back(journal: Journal) -> None:
    """Whatever request it ends at, the journal has what was done until then."""
    total = _requests_of_an_install(FakeObs(), journal)
    for last in range(total):
        obs = _Ending(last)
        before = obs.state()
        journal.forget()
        fresh = Journal(Kept(folder=Path("/obs"), source="Mien", port=9000))
        with pytest.raises(ObsError):
            in_obs(obs, lambda client, fresh=fresh: install(client, fresh))
        obs.last = 10**6
        in_obs(obs, lambda client, fresh=fresh: put_back(client, Journal.load() or fresh, tell=[].append))
        assert obs.state() == before, f"after {last} requests"


class _Ending(FakeObs):
    """Goes away after some requests."""

    def __init__(self, last: int) -> None:
        super().__init__()
        self.last = last

    def _answer(self, asked: dict[str, object]) -> dict[str, object]:
        if len(self.asked) > self.last:
            raise ConnectionResetError
        return super()._answer(asked)


def _requests_of_an_install(obs: FakeObs, journal: Journal) -> int:
    in_obs(obs, lambda client: install(client, journal))
    return len(obs.asked) - 1


def test_a_camera_that_is_not_there_has_no_size_to_go_by() -> None:
    gone = TRANSFORM | {"sourceWidth": 0.0, "sourceHeight": 0.0, "cropLeft": 160, "scaleX": 0.5}
    kept = fitted(gone, SIZE)
    assert (kept["scaleX"], kept["cropLeft"]) == (0.5, 160)
    # OBS refuses bounds of no size.
    assert "boundsWidth" not in kept


def test_bounds_are_kept() -> None:
    bounded = TRANSFORM | {"boundsType": "OBS_BOUNDS_SCALE_INNER", "boundsWidth": 400.0, "boundsHeight": 300.0}
    kept = fitted(bounded, SIZE)
    assert (kept["boundsType"], kept["boundsWidth"], kept["boundsHeight"]) == ("OBS_BOUNDS_SCALE_INNER", 400.0, 300.0)


@pytest.mark.parametrize(("size", "scale"), [((1280, 720), 1.5), ((640, 480), 2.25), ((1080, 1920), 0.5625)])
def test_filling_shows_all_of_the_picture(size: tuple[int, int], scale: float) -> None:
    placed = filling(size, (1920, 1080))
    assert placed["scaleX"] == placed["scaleY"] == scale
    assert (placed["positionX"], placed["positionY"], placed["alignment"]) == (960, 540, 0)
