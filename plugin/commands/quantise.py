"""`mien persona quantise`: give a trained persona's decoders 8-bit layers."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Annotated

import typer

from mien.engines.personas.library import Library
from mien.engines.personas.pack import admit, decode_contents, read_contents
from mien.engines.personas.trust import user_data_dir
from mien.engines.swapnet.load import decoder_file, encoder_file
from mien.engines.swapnet.pack import add_networks, check_place, training_record
from mien.plugin.commands import options
from mien.plugin.commands.session import Session
from mien.plugin.commands.train import pack_place
from mien.realtime.errors import EngineError, MissingExtraError, ModelError, PersonaError

_PER_SHARD = 64


def quantise(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A trained persona of `mien persona list`.")],
    samples: Annotated[
        int, typer.Option("--samples", min=_PER_SHARD, help="Pictures of drivers to measure on, filmed if missing.")
    ] = 256,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Processes that film; each needs about 2 GB.")] = 2,
    work: Annotated[
        Path | None, typer.Option("--work", metavar="DIR", help="Where the filmed drivers are kept.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="PACK", help="Where the pack goes; default: your own.")
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Give a trained persona's networks 8-bit layers too, by which processors without AMX play them much sooner.

    [bold]Example[/bold]

      mien persona quantise robin

    Drivers are filmed to see what numbers the networks meet, which takes minutes; then NNCF rounds them. A network that
    loses too much is refused. The ones that are there stay, and are played wherever they are as fast. `mien train` ends
    with the same, where NNCF is installed.
    """
    session: Session = ctx.obj
    session.json = as_json
    for package in ("nncf", "onnxruntime", "torch", "anny"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(
                f"Quantising a network needs {package}.",
                hint="Install it: pip install nncf onnxruntime onnx safetensors torch anny warp-lang",
            )
    from mien.engines.swapnet.dataset import Samples
    from mien.engines.swapnet.film import FilmPlan, film
    from mien.engines.swapnet.integers import integer_decoder

    library = Library()
    contents = read_contents(library.locate(name))
    consent = admit(contents, library.trust)
    if consent is not None:
        consent.require("training")
    persona = decode_contents(contents, consent)
    table = contents.manifest.swapnet
    if persona.networks is None or table is None:
        raise PersonaError(f"{name!r} has no trained network.", hint="mien train NAME")
    place = out if out is not None else pack_place(library, contents, name)
    check_place(place, contents)
    folder = (work if work is not None else user_data_dir() / "training") / "drivers"
    plan = FilmPlan(per_shard=_PER_SHARD)
    with session.progress("filming") as tell:
        film(folder, plan, {}, -(-samples // _PER_SHARD), workers=jobs, on_shard=tell)
    seen = Samples(folder, ())
    encoder = encoder_file(persona.networks)
    int8 = {}
    for size in persona.networks.decoders:
        try:
            int8[size] = integer_decoder(encoder, decoder_file(persona.networks, size), seen, codes=samples)
        except (EngineError, ModelError) as error:
            session.warn(str(error))
    if not int8:
        raise EngineError(f"No network of {name!r} bears 8-bit layers; the pack is as it was.")
    record = {} if table.training is None else training_record(contents.files[table.training], persona.name)
    about = {size: record.get(size, {}) | {"int8": {"codes": min(len(seen), samples)}} for size in int8}
    # What the others have stays theirs.
    decoders = {size: persona.networks.decoders[size] for size in int8}
    digest = add_networks(contents, encoder.onnx, decoders, about, out=place, trust=library.trust, int8=int8)
    session.say(f"the pack: {place}")
    session.document({"pack": str(place), "digest": digest, "sizes": {size: len(data) for size, data in int8.items()}})
