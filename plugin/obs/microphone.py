"""A microphone of OBS, delayed by as much as the picture is late: only when asked, and put back."""

from __future__ import annotations

import hmac
import http.client
import json
import secrets
from pathlib import Path
from typing import Any, Final

from mien.plugin.control.gate import PROOF_PATH, proof_of
from mien.plugin.obs.client import ObsClient
from mien.plugin.obs.errors import ObsError
from mien.plugin.obs.journal import Journal, MicrophoneDelayed
from mien.plugin.obs.places import Tell, current_collection
from mien.plugin.obs.undo import undo
from mien.realtime.folders import user_config_dir

#: What SetInputAudioSyncOffset takes, ms.
LEAST_MS: Final = -950
MOST_MS: Final = 20_000
_TIMEOUT_S: Final = 5.0
_MOST_BYTES: Final = 2**20
_MOST_PLACE_BYTES: Final = 1024


async def delay_microphone(obs: ObsClient, journal: Journal, name: str, late_ms: int, *, tell: Tell) -> dict[str, Any]:
    """Delay the source `name` by `late_ms` beyond the offset that it has of itself.

    Raises `ObsError` where there is no such source with sound, or the offset is out of OBS's range.
    """
    collection = await current_collection(obs)
    await undo_microphone(obs, journal, tell=tell)
    try:
        before = int((await obs.call("GetInputAudioSyncOffset", inputName=name))["inputAudioSyncOffset"])
    except ObsError as error:
        raise ObsError(f"'{name}' cannot be delayed: {error}", hint="Name it as OBS's mixer does.") from error
    wanted = before + late_ms
    if not LEAST_MS <= wanted <= MOST_MS:
        raise ObsError(f"OBS delays a source by {LEAST_MS} to {MOST_MS} ms; {wanted} would be needed.")
    journal.add(MicrophoneDelayed(collection=collection, name=name, before_ms=before, set_ms=wanted))
    await obs.call("SetInputAudioSyncOffset", inputName=name, inputAudioSyncOffset=wanted)
    tell(f"'{name}': sync offset {wanted} ms now, {before} ms before; put back when Mien ends")
    return {"name": name, "before_ms": before, "set_ms": wanted}


async def undo_microphone(obs: ObsClient, journal: Journal, *, tell: Tell) -> None:
    """Give the microphones of the open scene collection their own sync offset again."""
    collection = await current_collection(obs)
    for change in journal.changes:
        if isinstance(change, MicrophoneDelayed) and change.collection == collection:
            await undo(obs, change, tell=tell)
            journal.remove(change)


def running_latency_ms() -> float | None:
    """The median of capture to hand-over that a running Mien measures; None when none runs."""
    folder = user_config_dir()
    try:
        port = int(json.loads(_small(folder / "control.json"))["port"])
        token = _small(folder / "control-token").strip()
    except (OSError, ValueError, KeyError, TypeError):
        return None
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)
    nonce = secrets.token_hex(16)
    try:
        # Whoever listens there now must have the token already, to be sent it.
        connection.request("GET", f"{PROOF_PATH}?nonce={nonce}")
        proof = connection.getresponse().read(_MOST_PLACE_BYTES).decode("ascii", "replace")
        if not hmac.compare_digest(proof.encode(), proof_of(token, port, nonce).encode()):
            return None
        connection.request("GET", "/api/status", headers={"Authorization": f"Bearer {token}"})
        response = connection.getresponse()
        if response.status != 200:
            return None
        late_ms = float(json.loads(response.read(_MOST_BYTES))["latency_p50_ms"])
        # Nothing has left in the last seconds: that is no latency.
        return late_ms or None
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return None
    finally:
        connection.close()


def _small(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_MOST_PLACE_BYTES).decode("utf-8", "replace")
