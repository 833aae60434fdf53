"""What a training run is to do; all of it goes into the run's state and into the pack that it ends in."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from mien.engines.swapnet.augment import Augment
from mien.engines.swapnet.losses import Weights
from mien.engines.swapnet.network import EncoderSpec
from mien.engines.swapnet.sizes import size_named
from mien.realtime.errors import ConfigError, ModelError


@dataclass(frozen=True, slots=True)
class TrainPlan:
    """One run.

    Attributes:
        personas: who gets a decoder; all learn from the same drivers.
        size: of the decoders, see `sizes.SIZES`.
        steps: of the optimiser, in all; the rate falls over them.
        batch: samples in each.
        rate: of AdamW, after `warm_up` steps; falls to a twentieth along a cosine.
        warm_up: steps.
        seed: of weights, batches and noise.
        encoder: what it reads and gives.
        adversarial_from: share of the steps after which the opponent joins; None trains without one.
        teach: share of samples whose decoder is given the true named half instead of the encoder's.
        mute: share of samples whose free half is silenced, so that the named half learns to carry what it can.
        average: decay of the weights' running mean, which is what is validated and shipped.
        weights: of the losses.
        augment: of the samples.
        freeze: leave the encoder as it is (adding a persona to a trained one).

    """

    personas: tuple[str, ...]
    size: str = "base"
    steps: int = 20000
    batch: int = 12
    rate: float = 4e-4
    warm_up: int = 200
    seed: int = 0
    encoder: EncoderSpec = field(default_factory=EncoderSpec)
    adversarial_from: float | None = None
    teach: float = 0.3
    mute: float = 0.15
    average: float = 0.998
    weights: Weights = field(default_factory=Weights)
    augment: Augment = field(default_factory=Augment)
    freeze: bool = False

    def __post_init__(self) -> None:
        size_named(self.size)
        if not self.personas:
            raise ConfigError("A run needs a persona.")
        if self.steps < 1 or self.batch < 1 or not 0 < self.rate < 1 or self.warm_up < 0:
            raise ConfigError("steps and batch must be 1 or more, the rate between 0 and 1, warm_up 0 or more.")
        for name in ("teach", "mute", "average"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} is a share from 0 to 1, got {getattr(self, name)}.")

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {"personas": list(self.personas)}

    @classmethod
    def from_dict(cls, table: dict[str, Any]) -> TrainPlan:
        """The reverse of `to_dict`.

        Raises:
            ModelError: keys are unknown or missing.

        """
        parts = {"encoder": EncoderSpec, "weights": Weights, "augment": Augment}
        try:
            known = {each.name for each in fields(cls)}
            if unknown := sorted(set(table) - known):
                raise ModelError(f"The plan has unknown keys: {', '.join(unknown)}.")
            values = table | {name: kind(**table[name]) for name, kind in parts.items() if name in table}
            return cls(**(values | {"personas": tuple(table["personas"])}))
        except (TypeError, KeyError) as error:
            raise ModelError(f"The plan cannot be read: {error}.") from error
