"""What every format promises: a file's bytes become a model that was checked, and the model an engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Literal, Protocol

from mien.realtime.engine import Engine

if TYPE_CHECKING:
    from mien.engines.runtimes.base import NetworkFile, Wanted

Device = Literal["auto", "cpu", "cuda"]
#: Where between driver, 0, and persona, 1; None where nobody says.
Morph = Callable[[], float | None]


def unsaid() -> None:
    """Nobody says."""


@dataclass(frozen=True, slots=True)
class Play:
    """How a model is to be played.

    Attributes:
        reason: why it is, for the console; the runtime's own reason follows it.
        runtime: a name of `mien.engines.runtimes.table.runtime_names`, or "auto".
        device: where.
        threads: of the runtime, on the CPU.
        precision: see `mien.engines.runtimes.base.Wanted`.
        morph: asked before each frame: 0 (the driver) to 1 (the persona), of a model that can be in between; None
            leaves it to the format.

    """

    reason: str
    runtime: str = "auto"
    device: Device = "auto"
    threads: int = 2
    precision: Wanted = "auto"
    morph: Morph = unsaid


class ForeignModel(Protocol):
    """A model file that was checked; its bytes stay with it."""

    @property
    def summary(self) -> str:
        """One line for people: what it takes, and what it can."""

    @property
    def networks(self) -> tuple[NetworkFile, ...]:
        """What `mien.engines.runtimes` runs of it, and may compile before; none for what is run in another way."""

    def open(self, play: Play) -> Engine:
        """Make the engine. Takes up to some seconds, off the live path.

        Raises:
            EngineError: no runtime can run it, or not as it is asked for.
            MissingExtraError: a package that it needs is not installed.
            ModelError: the runtime that was named refuses it.

        """


class FormatModule(Protocol):
    """The module of a format."""

    def read(self, data: bytes, name: str) -> ForeignModel:
        """Check a file and give its model. Nothing is executed, and no other file is opened.

        Args:
            data: a stranger's file, not larger than the format's `most_bytes`.
            name: for messages.

        Raises:
            ModelError: naming what is wrong.
            MissingExtraError: a package that it needs is not installed.

        """


@dataclass(frozen=True, slots=True)
class Format:
    """One format.

    Attributes:
        name: of the format, and of the kind of engine that plays it.
        title: what to call it.
        suffix: of its files, with the dot, lower-case.
        module: where it is; imported when a file is read, and not before.
        most_bytes: greatest size of a file.
        devices: where it can be played.

    """

    name: str
    title: str
    suffix: str
    module: str
    most_bytes: int
    devices: tuple[Device, ...] = ("cpu",)

    def read(self, data: bytes, name: str) -> ForeignModel:
        """See `FormatModule.read`."""
        module: FormatModule = import_module(self.module)
        return module.read(data, name)
