"""What TensorRT says: errors are kept for the message of whoever called it, the rest goes to Python's log."""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import Final

import tensorrt as trt

_KEPT: Final = 4
_WARNINGS: Final = (trt.ILogger.Severity.WARNING,)
_ERRORS: Final = (trt.ILogger.Severity.ERROR, trt.ILogger.Severity.INTERNAL_ERROR)

log = logging.getLogger(__name__)


class Log(trt.ILogger):
    """TensorRT's logger; it calls it from several threads."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._errors: deque[str] = deque(maxlen=_KEPT)

    def log(self, severity: trt.ILogger.Severity, msg: str) -> None:
        """Take one message."""
        if severity in _ERRORS:
            with self._lock:
                self._errors.append(" ".join(msg.split()))
        elif severity in _WARNINGS:
            log.info("TensorRT: %s", msg)

    def take(self) -> str:
        """The last errors, and forget them; empty if there were none."""
        with self._lock:
            told = "; ".join(self._errors)
            self._errors.clear()
        return told
