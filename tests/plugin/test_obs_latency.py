from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from obs_server import FakeObs, serving

from mien.plugin.obs.client import connect
from mien.plugin.obs.errors import ObsError
from mien.plugin.obs.journal import Journal, Kept
from mien.plugin.obs.latency import CARDS_SOURCE, Ages, measure_ages, screenshot

SIZE = (320, 180)


class Playing(FakeObs):
    """An OBS that plays the stream of its Media Source and shows the newest picture of it."""

    def __init__(self) -> None:
        super().__init__()
        self.players: list[threading.Thread] = []

    def _CreateInput(self, **data: Any) -> dict[str, Any]:  # noqa: N802 - as the request is called
        player = threading.Thread(target=self._play, args=(data["inputSettings"]["input"],), daemon=True)
        player.start()
        self.players.append(player)
        return super()._CreateInput(**data)

    def _play(self, url: str) -> None:
        with av.open(url, format="nut", timeout=10.0) as container:
            for frame in container.decode(video=0):
                self.picture = cv2.imencode(".jpg", frame.to_ndarray(format="bgr24"))[1].tobytes()


@pytest.fixture
def journal() -> Journal:
    return Journal(Kept(folder=Path("/obs"), source="Mien", port=9000))


def measured(obs: FakeObs, journal: Journal, seconds: float = 1.0) -> Ages:
    async def run() -> Ages:
        async with serving(obs), connect(obs.port, "") as client:
            return await measure_ages(client, journal, size=SIZE, fps=30.0, seconds=seconds)

    return asyncio.run(run())


def test_ages_are_read_from_what_is_played_and_nothing_stays(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mien.plugin.obs.latency.SETTLE_S", 0.2)
    obs = Playing()
    before = obs.state()
    ages = measured(obs, journal)
    assert len(ages.at_s) >= 5
    assert all(reply >= request for request, reply in zip(ages.request_ms, ages.reply_ms, strict=True))
    # What was read cannot be newer than what was sent.
    assert min(ages.reply_ms) > 0
    assert ages.request_median_ms <= ages.estimate_ms <= ages.reply_median_ms
    assert obs.state() == before
    assert journal.changes == ()
    for player in obs.players:
        player.join(10.0)
        assert not player.is_alive()


def test_what_an_earlier_measurement_left_is_taken_out_first(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mien.plugin.obs.latency._FIRST_S", 0.2)
    obs = FakeObs()
    for _ in range(2):
        with pytest.raises(ObsError, match="none of the cards"):
            measured(obs, journal)
    assert CARDS_SOURCE not in obs.inputs
    assert journal.changes == ()


@pytest.mark.parametrize("picture", [b"", b"no picture"])
def test_a_screenshot_that_cannot_be_read_is_said(picture: bytes) -> None:
    obs = FakeObs()
    obs.picture = picture

    async def run() -> None:
        async with serving(obs), connect(obs.port, "") as client:
            await screenshot(client, "Mien")

    with pytest.raises(ObsError, match="cannot be read"):
        asyncio.run(run())


def test_drift_is_how_the_ages_grow_whatever_single_ones_do() -> None:
    at = np.arange(0.0, 60.0, 0.1)
    noise = np.random.default_rng(1).uniform(0, 33, len(at))
    noise[::50] += 1500
    for slope in (0.0, 4.0, -20.0):
        reply = 60.0 + slope * at / 60.0 + noise
        ages = Ages(tuple(at), tuple(reply - 10), tuple(reply))
        assert ages.drift_ms_per_minute == pytest.approx(slope, abs=5.0)
    short = Ages((0.0, 0.5), (1.0, 2.0), (3.0, 90.0))
    assert short.drift_ms_per_minute == 0.0
