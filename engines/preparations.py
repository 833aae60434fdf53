"""What has to be done once on this machine before a persona's networks run as fast as they can."""

from __future__ import annotations

from mien.engines.formats.table import format_named
from mien.engines.personas.pack import Persona
from mien.engines.runtimes.base import NetworkFile, Preparation
from mien.engines.runtimes.table import Device, preparations, prepares
from mien.engines.swapnet.load import decoder_file, encoder_file


def persona_networks(persona: Persona) -> tuple[NetworkFile, ...]:
    """All networks that may run to show a persona, also an imported one; none for one that has a portrait alone.

    Raises:
        ModelError: a file that is no network.

    """
    networks, model = persona.networks, persona.model
    if model is not None:
        return format_named(model.format).read(model.data, persona.name).networks
    if networks is None:
        return ()
    return (encoder_file(networks), *(decoder_file(networks, size) for size in networks.decoders))


def persona_preparations(persona: Persona, *, device: Device = "auto") -> tuple[Preparation, ...]:
    """What is still to be done for them; imports what it looks at, so call it off the live path.

    Raises:
        EngineError: what was prepared before cannot be looked at.
        ModelError: a file that is no network.

    """
    # Networks are read for nothing otherwise, just when the first picture of one is shown.
    if not prepares(device):
        return ()
    return tuple(each for network in persona_networks(persona) for each in preparations(network, device=device))
