"""`mien train`: give a persona a trained network."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import typer

from mien.engines.cast.recipe import Recipe
from mien.engines.personas.library import Library
from mien.engines.personas.manifest import Manifest, sha256
from mien.engines.personas.pack import Contents, admit, decode_contents, load_pack, read_contents
from mien.engines.personas.trust import user_data_dir
from mien.engines.runtimes.base import NetworkFile
from mien.engines.swapnet.pack import check_place, training_record
from mien.plugin.commands import options
from mien.plugin.commands.footage import check_person, look_through
from mien.plugin.commands.session import Session
from mien.plugin.machine import describe_machine
from mien.realtime.errors import ConfigError, MienError, MissingExtraError, PersonaError

if TYPE_CHECKING:
    from mien.engines.swapnet.dataset import Samples
    from mien.engines.swapnet.film import FilmPlan
    from mien.engines.swapnet.plan import TrainPlan
    from mien.engines.swapnet.trainer import Progress as Step

_ROAD = "What to learn from"
_NETWORK = "The network"
_RUN = "The run"


def train(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A persona of `mien persona list`.")],
    paired: Annotated[
        bool,
        typer.Option("--paired", rich_help_panel=_ROAD, help="Rendered drivers, and the persona doing the same."),
    ] = False,
    footage: Annotated[
        list[Path] | None,
        typer.Option(
            "--footage",
            metavar="VIDEO|DIR",
            rich_help_panel=_ROAD,
            help="Recordings of the persona's own person, who consented; may be given again.",
        ),
    ] = None,
    person: Annotated[
        int | None,
        typer.Option("--person", min=1, rich_help_panel=_ROAD, help="Who of several people in the footage it is."),
    ] = None,
    driver: Annotated[
        list[Path] | None,
        typer.Option(
            "--driver",
            metavar="VIDEO|DIR",
            rich_help_panel=_ROAD,
            help="With --footage: recordings of yourself, so that the encoder learns to read you; may be given again.",
        ),
    ] = None,
    samples: Annotated[
        int, typer.Option("--samples", min=32, rich_help_panel=_ROAD, help="Pictures of drivers to film, if missing.")
    ] = 12800,
    per_shard: Annotated[
        int,
        typer.Option(
            "--per-shard",
            min=16,
            max=4096,
            rich_help_panel=_ROAD,
            help="Samples in a file; at least two files are needed, and a folder keeps its number.",
        ),
    ] = 256,
    jobs: Annotated[
        int, typer.Option("--jobs", min=1, rich_help_panel=_ROAD, help="Processes that film; each needs about 2 GB.")
    ] = 2,
    size: Annotated[
        Literal["tiny", "small", "base", "large"],
        typer.Option("--size", rich_help_panel=_NETWORK, help="64, 128, 256 or 512 px; tiny is for trying things out."),
    ] = "base",
    encoder: Annotated[
        Literal["shipped", "new"],
        typer.Option(
            "--encoder",
            rich_help_panel=_NETWORK,
            help="Keep the shipped encoder and train a decoder alone, or train both anew.",
        ),
    ] = "shipped",
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="NAME|PACK",
            rich_help_panel=_NETWORK,
            help="Begin with this persona's network of the same size, whoever it is: a new face is learnt much sooner.",
        ),
    ] = None,
    inputs: Annotated[
        Literal["both", "pixels", "tracked"],
        typer.Option("--inputs", rich_help_panel=_NETWORK, help="What a new encoder reads; for ablations."),
    ] = "both",
    variational: Annotated[
        bool, typer.Option("--variational", rich_help_panel=_NETWORK, help="The free half of a new code is a VAE's.")
    ] = False,
    adversarial: Annotated[
        bool,
        typer.Option("--adversarial", rich_help_panel=_NETWORK, help="A discriminator joins after half of the steps."),
    ] = False,
    steps: Annotated[int, typer.Option("--steps", min=1, rich_help_panel=_RUN, help="In all.")] = 8000,
    batch: Annotated[int, typer.Option("--batch", min=1, max=256, rich_help_panel=_RUN, help="Samples a step.")] = 12,
    rate: Annotated[float, typer.Option("--rate", min=1e-6, max=0.1, rich_help_panel=_RUN, help="Of AdamW.")] = 5e-4,
    seed: Annotated[int, typer.Option("--seed", min=0, rich_help_panel=_RUN)] = 0,
    minutes: Annotated[
        float | None,
        typer.Option("--minutes", min=0.0, rich_help_panel=_RUN, help="Stop then; the same command goes on later."),
    ] = None,
    device: Annotated[str, typer.Option("--device", rich_help_panel=_RUN, help="cpu, or cuda:0 ...")] = "cpu",
    work: Annotated[
        Path | None,
        typer.Option("--work", metavar="DIR", rich_help_panel=_RUN, help="Where samples, states and curves are kept."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="PACK", rich_help_panel=_RUN, help="Where the pack goes; default: your own."),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Train a persona's network, so that it follows you closer than its portrait can.

    [bold]Example[/bold]

      mien cast new --name robin --seed 41
      mien train robin --paired                two hours on two cores, much less on a GPU
      mien train robin --paired --from amara --samples 3072 --steps 3000      sooner: from a face that is known

      mien persona create --name me --portrait me.png --consent me.consent.json
      mien train me --footage recordings/      what they show, and what to record next, is told first
      mien train me --footage recordings/ --driver myself.mp4      the encoder learns to read you, too

    Stop it with Ctrl-C and run the same command again: it goes on where it was, sample by sample and step by step.
    Curves: `tensorboard --logdir` on the run's folder; pictures of held-out drivers lie beside them.
    """
    session: Session = ctx.obj
    session.json = as_json
    _require()
    if paired == bool(footage):
        raise ConfigError(
            "Say what to learn from: --paired or --footage.", hint="mien train NAME --paired, or --footage VIDEO"
        )
    if driver and not footage:
        raise ConfigError("--driver goes with --footage.", hint="Rendered drivers are met in --paired already.")
    library = Library()
    contents = read_contents(library.locate(name))
    # What the run ends in is believed to be rendered, so what it begins with has to be.
    consent = admit(contents, library.trust)
    decode_contents(contents, consent)
    place = out if out is not None else pack_place(library, contents, name)
    check_place(place, contents)
    _check_road(contents.manifest, paired=paired)
    if consent is not None:
        consent.require("training")
    folder = work if work is not None else user_data_dir() / "training"
    from mien.engines.swapnet.dataset import Samples
    from mien.engines.swapnet.film import FilmPlan
    from mien.engines.swapnet.network import EncoderSpec
    from mien.engines.swapnet.plan import TrainPlan
    from mien.engines.swapnet.run import split

    if encoder == "shipped" and (inputs != "both" or variational):
        raise ConfigError("--inputs and --variational are a new encoder's.", hint="Add --encoder new")
    frozen = _shipped_encoder() if encoder == "shipped" else None
    if encoder == "shipped" and frozen is None:
        raise ConfigError("This version ships no encoder yet.", hint="Train one: --encoder new")
    begun = None if start is None else _networks(library, start, size, frozen)
    _check_device(device)
    spec = EncoderSpec(inputs, variational=variational)
    who = contents.manifest.name
    myself = "me" if who == "driver" else "driver"
    plan = TrainPlan(
        (who, myself) if driver else (who,), size=size, steps=steps, batch=batch, rate=rate, seed=seed, encoder=spec,
        adversarial_from=0.5 if adversarial else None, freeze=frozen is not None and not driver,
    )  # fmt: skip
    beside = None
    if footage:
        if frozen is None:
            raise ConfigError("One person's recordings teach no encoder.", hint="Leave --encoder at `shipped`.")
        recordings = folder / f"{who}-footage"
        if look_through(session, recordings, "persona", who, footage, person):
            check_person(session, contents, recordings)
        parts = split(recordings, [who], by_driver=False)
        if driver:
            look_through(session, folder / f"{who}-driver", "driver", myself, driver)
            beside = Samples(folder / f"{who}-driver", [myself])
    else:
        film_plan = FilmPlan(per_shard=per_shard)
        _film(session, contents, folder / "samples", film_plan, samples, jobs)
        parts = split(folder / "samples", plan.personas, -(-samples // per_shard))
    material = _Material(*parts, beside)
    session.document(_train(session, plan, folder, contents, place, frozen, begun, minutes, device, material))


class _Material(NamedTuple):
    """What is learnt from, what judges it, and the driver's own recordings."""

    learnt: Samples
    held_out: Samples
    beside: Samples | None

    def digest(self) -> str:
        return " ".join(each.digest() for each in self if each is not None)


class _Begun(NamedTuple):
    """What a run begins with, and how that was trained."""

    encoder: bytes
    decoder: bytes
    record: dict[str, Any]


def _networks(library: Library, start: str, size: str, frozen: bytes | None) -> _Begun:
    """Encoder and decoder of a persona to begin with; its decoder has to know the encoder that is kept, if one is."""
    persona = load_pack(library.locate(start), trust=library.trust)
    if persona.networks is None or size not in persona.networks.decoders:
        raise ConfigError(f"{start} has no {size} network to begin with.", hint="Leave --from out, or choose another.")
    if frozen is not None and persona.networks.encoder != frozen:
        raise ConfigError(
            f"The network of {start} belongs to another encoder than the shipped one.",
            hint="Add --encoder new to train both on",
        )
    table = persona.manifest.swapnet
    record = {}
    if table is not None and table.training is not None:
        record = training_record(read_contents(persona.location).files[table.training], persona.name)
    return _Begun(persona.networks.encoder, persona.networks.decoders[size], record.get(size, {}))


def _check_road(manifest: Manifest, *, paired: bool) -> None:
    if paired and manifest.kind != "synthetic":
        raise PersonaError(
            f"{manifest.name!r} is {manifest.kind}: the cast renders only people whom it made.",
            hint="Make one: mien cast new; or train this one from recordings: --footage",
        )
    if not paired and manifest.kind != "consented":
        raise PersonaError(
            f"{manifest.name!r} is {manifest.kind}: recordings show a person, whose consent has to lie in the pack.",
            hint="mien consent record, then mien persona create --name NAME --portrait PICTURE --consent consent.json",
        )


def _film(session: Session, contents: Contents, folder: Path, plan: FilmPlan, samples: int, jobs: int) -> None:
    from mien.engines.swapnet.film import film

    manifest = contents.manifest
    with session.progress("filming") as tell:
        film(
            folder, plan, {manifest.name: Recipe.from_dict(dict(manifest.cast or {}))}, -(-samples // plan.per_shard),
            workers=jobs, on_shard=tell,
        )  # fmt: skip


def _train(
    session: Session, plan: TrainPlan, folder: Path, contents: Contents, place: Path, frozen: bytes | None,
    begun: _Begun | None, minutes: float | None, device: str, material: _Material,
) -> dict[str, Any]:  # fmt: skip
    from mien.engines.swapnet.export import read_weights
    from mien.engines.swapnet.integers import integer_decoder
    from mien.engines.swapnet.journal import Journal
    from mien.engines.swapnet.pack import add_networks
    from mien.engines.swapnet.run import finish, record
    from mien.engines.swapnet.trainer import Trainer

    learnt, held_out, beside = material
    # Other samples, or another person of the same name, are another run: nothing of this one's may end in theirs.
    manifest = contents.manifest
    whose = json.dumps([manifest.kind, manifest.cast, manifest.consent and manifest.consent.sha256], sort_keys=True)
    came = "" if begun is None else f"{sha256(begun.encoder)} {sha256(begun.decoder)}"
    run = sha256(f"{whose} {material.digest()} {came}".encode())
    own = folder / f"{manifest.name}-{plan.size}-{run[:8]}"
    encoder_from = begun.encoder if begun is not None and frozen is None else frozen
    trainer = Trainer(
        plan, own, device=device, start=None if encoder_from is None else read_weights(encoder_from),
        decoders={} if begun is None else dict.fromkeys(plan.personas, read_weights(begun.decoder)),
    )  # fmt: skip
    session.say(f"{len(learnt)} samples of {len(learnt.people)} people; {len(held_out)} held out; run: {own}")
    if trainer.step:
        session.say(f"going on from step {trainer.step}")
    with Journal(own, trainer, held_out) as journal, session.progress("training") as tell:

        def note(step: Step) -> None:
            journal.note(step)
            tell(step.step, step.steps)
            if step.score is not None:
                session.say(
                    f"step {step.step}: {step.score.psnr:.2f} dB, SSIM {step.score.ssim:.3f}, sharpness "
                    f"{step.score.sharpness:.2f}, {step.step_s * 1e3:.0f} ms a step"
                )

        over = trainer.run(
            learnt, held_out, beside=beside, on_progress=note, seconds=float("inf") if minutes is None else 60 * minutes
        )
    if not over:
        session.say(f"stopped at step {trainer.step} of {plan.steps}; the same command goes on")
        return {"step": trainer.step, "steps": plan.steps, "over": False, "folder": str(own)}
    finished = finish(trainer, learnt, held_out)
    encoder, score = frozen if plan.freeze and frozen is not None else finished.encoder, finished.score
    machine = describe_machine().model_dump(mode="json")
    about = record(trainer, learnt, held_out, finished, machine, _command()) | {"encoder": sha256(encoder)}
    if begun is not None:
        about["began_with"] = begun.record
    decoder = finished.decoders[manifest.name]
    int8 = {}
    if importlib.util.find_spec("nncf") is None:
        session.say("without 8-bit layers, which CPUs without AMX play sooner: pip install nncf; mien persona quantise")
    else:
        try:
            int8[plan.size] = integer_decoder(
                NetworkFile(encoder, "the encoder"), NetworkFile(decoder, "the decoder"), learnt
            )
        except MienError as error:
            # What was trained is not lost for it.
            session.say(f"without 8-bit layers: {error}")
    digest = add_networks(
        contents, encoder, {plan.size: decoder}, {plan.size: about}, out=place, trust=Library().trust, int8=int8
    )
    shown = "drivers it never saw" if manifest.kind == "synthetic" else "frames it never saw"
    session.say(f"{score.psnr:.2f} dB on {shown}; the pack: {place}")
    found = {key: value if math.isfinite(value) else None for key, value in score._asdict().items()}
    return {"over": True, "pack": str(place), "digest": digest, "score": found, "folder": str(own)}


def _command() -> str:
    """The command as it goes into the pack: of files their names alone, which are nobody's business beyond that."""
    return " ".join(["mien", *(Path(each).name if os.sep in each else each for each in sys.argv[1:])])


def pack_place(library: Library, contents: Contents, name: str) -> Path:
    """Where the trained pack goes when nothing is said: over the user's own one."""
    if contents.location.resolve().is_relative_to(library.user_dir.resolve()):
        return contents.location
    raise ConfigError(
        f"{name!r} is not among your own personas, so its pack is not written over.",
        hint="Give the new pack a place: --out FOLDER, or make a persona of your own: mien cast new",
    )


def _shipped_encoder() -> bytes | None:
    from mien.engines.personas.pack import SHIPPED_ENCODERS

    places = sorted(SHIPPED_ENCODERS.glob("*.onnx"))
    return places[-1].read_bytes() if places else None


def _require() -> None:
    """Before hours of work: everything that its end needs too."""
    for name in ("torch", "safetensors", "tensorboard", "onnx", "onnxscript", "onnxruntime"):
        if importlib.util.find_spec(name) is None:
            raise MissingExtraError(
                f"Training needs {name}.",
                hint="Install it: pip install torch safetensors tensorboard onnx onnxscript onnxruntime",
            )


def _check_device(device: str) -> None:
    import torch

    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        first = str(error).splitlines()[0]
        raise ConfigError(f"There is no device {device!r} here: {first}", hint="Use --device cpu.") from error
