"""Trains encoder and decoders: bf16 where the machine has it, a running mean of the weights, exact resume.

Every random choice of a step comes from (seed, step), and the state holds all that the next step needs; so a run that
was killed goes on as if it had not been, bit by bit on the same machine with the same number of threads.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mien.engines.swapnet.batch import Batch, Material, batches
from mien.engines.swapnet.checkpoint import load_state, save_state, under
from mien.engines.swapnet.discriminator import Discriminator, features_loss, opponents_loss
from mien.engines.swapnet.losses import code_losses, picture_losses, place_loss, shown
from mien.engines.swapnet.network import Decoder, Encoded, Encoder
from mien.engines.swapnet.optimise import make_optimiser, moments_of, restore_moments, set_rate
from mien.engines.swapnet.plan import TrainPlan
from mien.engines.swapnet.sizes import size_named
from mien.engines.swapnet.teacher import Teacher
from mien.engines.swapnet.validate import Score, validate
from mien.realtime.errors import EngineError, ModelError

STATE_NAME = "state.safetensors"
_CLIP = 1.0
_LEAST_RATE = 0.05
_TEACH_SALT = 0x7EAC
_LOWER = "The last good state is kept; begin anew with a lower --rate, or fewer samples a step."


@dataclass(frozen=True, slots=True)
class Progress:
    """What a run tells while it goes.

    Attributes:
        step: done so far.
        steps: in all.
        losses: running means of the last steps, by name.
        score: of the last validation, if there was one at this step.
        step_s: seconds a step, running mean.

    """

    step: int
    steps: int
    losses: Mapping[str, float]
    score: Score | None
    step_s: float


class Trainer:
    """One run in one folder.

    Args:
        plan: what to do.
        folder: where the state lies; a state that is there is gone on with.
        device: torch's name of it.
        start: a trained encoder's weights to begin with (and keep, if the plan freezes it). Where samples know no true
            code, as recordings do, what it says is what is to be said: its names keep their meaning while it learns on.
        decoders: trained decoders' weights to begin with, by persona.

    Raises:
        ModelError: the state in the folder is damaged or of another plan.

    """

    def __init__(
        self,
        plan: TrainPlan,
        folder: Path,
        *,
        device: str = "cpu",
        start: Mapping[str, Tensor] | None = None,
        decoders: Mapping[str, Mapping[str, Tensor]] | None = None,
    ) -> None:
        self.plan, self._folder, self.device = plan, folder, torch.device(device)
        torch.manual_seed(plan.seed)
        size = size_named(plan.size)
        self.network = nn.ModuleDict({"encoder": Encoder(plan.encoder)})
        for name in plan.personas:
            self.network[f"decoder-{name}"] = Decoder(size, plan.encoder.free)
        if start is not None:
            _load(self.network["encoder"], start, "the encoder to start from")
        for name, weights in (decoders or {}).items():
            _load(self.network[f"decoder-{name}"], weights, f"the decoder of {name} to start from")
        self._teacher = None if start is None or plan.freeze else Teacher(plan.encoder, start, self.device)
        self.network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        if plan.freeze:
            self.network["encoder"].requires_grad_(requires_grad=False)
        self.mean = {name: each.detach().clone() for name, each in self.network.state_dict().items()}
        self._optimiser = make_optimiser(self.network, plan.rate)
        self._opponents = nn.ModuleDict()
        if plan.adversarial_from is not None:
            self._opponents = nn.ModuleDict({name: Discriminator() for name in plan.personas}).to(self.device)
        self._opponents_optimiser = make_optimiser(self._opponents, plan.rate) if len(self._opponents) else None
        self.step = 0
        #: Seconds of all calls of `run` so far.
        self.seconds = 0.0
        self.best = -math.inf
        self.best_step = 0
        #: Running mean at the best score, which is what is shipped; None before the first validation.
        self.best_mean: dict[str, Tensor] | None = None
        self._whole = True
        self._bf16 = _has_bf16(self.device)
        if (folder / STATE_NAME).exists():
            self._resume()

    # -- the run

    def run(
        self,
        samples: Material,
        held_out: Material,
        *,
        beside: Material | None = None,
        until: int | None = None,
        validate_every: int = 1000,
        save_every_s: float = 120.0,
        patience: int = 12,
        on_progress: Callable[[Progress], None] | None = None,
        seconds: float = math.inf,
    ) -> bool:
        """Train to the plan's end, or as far as is asked; True once the run is over.

        Args:
            samples: to learn from.
            held_out: to validate on; other drivers.
            beside: every other step learns from these, which another of the plan's personas answers; that one's decoder
                only helps the encoder, and is not validated.
            until: the last step of this call; the plan's by default.
            validate_every: steps between validations.
            save_every_s: seconds between states; one is always written at the end and on Ctrl-C.
            patience: validations without a better score after which the run is over.
            on_progress: called after every step.
            seconds: stop after so long, to be gone on with later.

        Raises:
            EngineError: a loss was not finite; the last good state is kept.

        """
        plan = self.plan
        last = plan.steps if until is None else min(until, plan.steps)
        begin = saved = time.monotonic()
        means: dict[str, float] = {}
        step_s = 0.0
        over = False
        parts = [samples] if beside is None else [samples, beside]
        feed = batches(
            parts, seed=plan.seed, first=self.step, last=last, batch=plan.batch,
            size_px=size_named(plan.size).size_px, augment=plan.augment,
        )  # fmt: skip
        try:
            for batch in feed:
                started = time.monotonic()
                self._whole = False
                losses = self._learn(batch)
                self.step += 1
                self._whole = True
                keep = min(0.98, 1 - 1 / self.step)
                means = {name: keep * means.get(name, value) + (1 - keep) * value for name, value in losses.items()}
                step_s = (
                    time.monotonic() - started if step_s == 0 else 0.95 * step_s + 0.05 * (time.monotonic() - started)
                )
                self.seconds += time.monotonic() - started
                score = None
                if self.step % validate_every == 0 or self.step == plan.steps:
                    score = self.validate(held_out)
                    if score.merit > self.best + 0.01:
                        self.best, self.best_step = score.merit, self.step
                        self.best_mean = {name: each.clone() for name, each in self.mean.items()}
                    over = self.step - self.best_step >= patience * validate_every
                if on_progress is not None:
                    on_progress(Progress(self.step, plan.steps, means, score, step_s))
                if time.monotonic() - saved > save_every_s:
                    self.save()
                    saved = time.monotonic()
                if over or time.monotonic() - begin > seconds:
                    break
        finally:
            feed.close()
            # Amid a step (a stop, a loss that is not finite) the state on disk is the last whole one, and stays.
            if self._whole:
                self.save()
        return over or self.step >= plan.steps

    def validate(self, samples: Material, most: int = 96) -> Score:
        """Score the running mean of the weights on fixed samples."""
        encoder, decoders = self.networks()
        return validate(encoder, decoders, samples, size_named(self.plan.size).size_px, most, self.device)

    def shipped(self) -> tuple[Encoder, dict[str, Decoder]]:
        """The networks to export: the running mean of the weights where it scored best."""
        return self.networks(self.best_mean)

    def networks(self, mean: Mapping[str, Tensor] | None = None) -> tuple[Encoder, dict[str, Decoder]]:
        """Encoder and decoders with a running mean of the weights, by default the newest."""
        mean = self.mean if mean is None else mean
        encoder = Encoder(self.plan.encoder)
        _load(encoder, under(mean, "encoder."), "the run's encoder")
        decoders = {}
        for name in self.plan.personas:
            decoders[name] = Decoder(size_named(self.plan.size), self.plan.encoder.free)
            _load(decoders[name], under(mean, f"decoder-{name}."), f"the run's decoder of {name}")
        for module in (encoder, *decoders.values()):
            module.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
            module.eval()
        return encoder, decoders

    def _learn(self, batch: Batch) -> dict[str, float]:
        plan = self.plan
        rate = self._rate()
        set_rate(self._optimiser, rate)
        rng = np.random.default_rng((plan.seed, _TEACH_SALT, self.step))
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        fighting = plan.adversarial_from is not None and self.step >= plan.adversarial_from * plan.steps
        batch = batch.to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._bf16):
            encoded = self.network["encoder"](batch.pixels, batch.tracked)
            if self._teacher is not None:
                batch = self._teacher(batch)
            named, free = self._taught(encoded, batch, rng, generator)
            drawn = {
                name: self.network[f"decoder-{name}"](named, free, answer.places)
                for name, answer in batch.answers.items()
            }
        encoded = _precise(encoded)
        losses = code_losses(encoded, batch.named, batch.front, plan.weights)
        for name, painted in drawn.items():
            answer = batch.answers[name]
            found = picture_losses(painted.pixels.float(), painted.masks.float(), answer, plan.weights)
            found["place"] = place_loss(painted.moved, answer.places, plan.weights)
            if fighting:
                found |= self._fool(name, painted.pixels, batch)
            for key, value in found.items():
                losses[key] = losses.get(key, 0.0) + value / len(drawn)
        total = torch.stack(list(losses.values())).sum()
        self._check(losses)
        self._optimiser.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), _CLIP)
        if not torch.isfinite(norm):
            raise EngineError(
                f"The gradient of step {self.step} is not finite.",
                hint=_LOWER,
            )
        self._optimiser.step()
        self._follow()
        if fighting:
            losses["opponent"] = self._teach_opponents(
                {name: painted.pixels for name, painted in drawn.items()}, batch, rate
            )
        return {name: float(value.detach()) for name, value in losses.items()} | {"total": float(total.detach())}

    def _taught(
        self, encoded: Encoded, batch: Batch, rng: np.random.Generator, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Both halves of the code as the decoders are given them."""
        count = len(batch.tracked)
        free = encoded.free
        if encoded.spread is not None:
            noise = torch.randn(free.shape, generator=generator).to(free.device, free.dtype)
            free = free + noise * (0.5 * encoded.spread).exp()
        teach = torch.from_numpy(rng.random((count, 1)) < self.plan.teach).to(free.device)
        mute = torch.from_numpy(rng.random((count, 1)) < self.plan.mute).to(free.device)
        known = torch.isfinite(batch.named) & teach
        named = torch.where(known, torch.nan_to_num(batch.named).to(encoded.named.dtype), encoded.named)
        return named, torch.where(mute, torch.zeros_like(free), free)

    def _fool(self, name: str, pixels: Tensor, batch: Batch) -> dict[str, Tensor]:
        answer = batch.answers[name]
        opponent = self._opponents[name]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._bf16):
            made, made_features = opponent(shown(pixels, answer))
            with torch.no_grad():
                _, real_features = opponent(answer.pixels)
        return {
            "adversarial": self.plan.weights.adversarial * -made.float().mean(),
            "features": self.plan.weights.features * features_loss(real_features, made_features).float(),
        }

    def _teach_opponents(self, drawn: Mapping[str, Tensor], batch: Batch, rate: float) -> Tensor:
        if self._opponents_optimiser is None:
            raise RuntimeError("there is no opponent to teach")
        set_rate(self._opponents_optimiser, rate)
        total = torch.zeros((), device=self.device)
        for name, pixels in drawn.items():
            answer = batch.answers[name]
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self._bf16):
                real, _ = self._opponents[name](answer.pixels)
                made, _ = self._opponents[name](shown(pixels.detach(), answer))
            total = total + opponents_loss(real.float(), made.float())
        self._check({"opponent": total})
        self._opponents_optimiser.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self._opponents.parameters(), 10 * _CLIP)
        if not torch.isfinite(norm):
            raise EngineError(f"The opponent's gradient of step {self.step} is not finite.", hint=_LOWER)
        self._opponents_optimiser.step()
        return total.detach()

    def _rate(self) -> float:
        plan = self.plan
        if self.step < plan.warm_up:
            return plan.rate * (self.step + 1) / plan.warm_up
        share = (self.step - plan.warm_up) / max(plan.steps - plan.warm_up, 1)
        return plan.rate * (_LEAST_RATE + (1 - _LEAST_RATE) * 0.5 * (1 + math.cos(math.pi * share)))

    @torch.no_grad()
    def _follow(self) -> None:
        decay = min(self.plan.average, (1 + self.step) / (10 + self.step))
        now = self.network.state_dict()
        torch._foreach_lerp_(list(self.mean.values()), [now[name] for name in self.mean], 1 - decay)

    def _check(self, losses: Mapping[str, Tensor]) -> None:
        for name, value in losses.items():
            if not math.isfinite(float(value.detach())):
                raise EngineError(
                    f"The loss {name!r} of step {self.step} is {float(value.detach())}.",
                    hint=_LOWER,
                )

    # -- the state

    def save(self) -> None:
        """Write the state.

        Raises:
            ModelError: it cannot be written; the one before is untouched.

        """
        self._folder.mkdir(parents=True, exist_ok=True)
        tensors = {f"network.{k}": v for k, v in self.network.state_dict().items()}
        tensors |= {f"mean.{k}": v for k, v in self.mean.items()}
        tensors |= {f"best.{k}": v for k, v in (self.best_mean or {}).items()}
        tensors |= moments_of(self._optimiser, self.network, "adam.")
        tensors |= {f"opponents.{k}": v for k, v in self._opponents.state_dict().items()}
        if self._opponents_optimiser is not None:
            tensors |= moments_of(self._opponents_optimiser, self._opponents, "opponents-adam.")
        about = {"plan": self.plan.to_dict(), "step": self.step, "best": self.best, "best_step": self.best_step}
        about["seconds"] = round(self.seconds, 1)
        about["best"] = None if math.isinf(self.best) else self.best
        save_state(self._folder / STATE_NAME, {k: v.detach().cpu().clone() for k, v in tensors.items()}, about)

    def _resume(self) -> None:
        tensors, about = load_state(self._folder / STATE_NAME)
        known = about.get("plan")
        if known != self.plan.to_dict():
            ours = self.plan.to_dict()
            keys = [key for key in ours if not isinstance(known, dict) or known.get(key) != ours[key]]
            raise ModelError(
                f"{self._folder} holds a run of another plan (different: {', '.join(keys) or 'unknown keys'}).",
                hint="Choose another folder, or the same options as before.",
            )
        _load(self.network, under(tensors, "network."), "the run's state")
        self.mean = {name: each.to(self.device) for name, each in under(tensors, "mean.").items()}
        best = {name: each.to(self.device) for name, each in under(tensors, "best.").items()}
        self.best_mean = best or None
        restore_moments(self._optimiser, self.network, tensors, "adam.")
        if self._opponents_optimiser is not None:
            _load(self._opponents, under(tensors, "opponents."), "the run's opponents")
            restore_moments(self._opponents_optimiser, self._opponents, tensors, "opponents-adam.")
        self.step, self.best_step = int(about["step"]), int(about["best_step"])
        self.seconds = float(about["seconds"])
        self.best = -math.inf if about["best"] is None else float(about["best"])


def _precise(encoded: Encoded) -> Encoded:
    """In float32, for the losses."""
    spread = None if encoded.spread is None else encoded.spread.float()
    return Encoded(encoded.named.float(), encoded.free.float(), spread, encoded.front.float())


def _load(module: nn.Module, tensors: Mapping[str, Tensor], what: str) -> None:
    try:
        module.load_state_dict(dict(tensors))
    except RuntimeError as error:
        first = str(error).splitlines()[-1].strip()
        raise ModelError(f"{what} does not fit this network: {first}") from error


def _has_bf16(device: torch.device) -> bool:
    """Whether bf16 is faster than float32 there: not on a CPU that would imitate it."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
