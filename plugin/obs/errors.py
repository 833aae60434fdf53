"""What can go wrong with OBS."""

from __future__ import annotations

from mien.realtime.errors import SinkError


class ObsError(SinkError):
    """OBS cannot be found, reached or used."""


class ObsClosedError(ObsError):
    """OBS does not answer: it is closed, was closed amid a call, or its WebSocket server is off."""


class ObsPasswordError(ObsError):
    """OBS's WebSocket server refused the password, or wants one."""


class ObsRequestError(ObsError):
    """OBS refused one request; `code` is obs-websocket's RequestStatus."""

    def __init__(self, request: str, code: int, comment: str) -> None:
        super().__init__(f"OBS refused {request}: {comment or 'it gave no reason'} (status {code}).")
        self.code = code
