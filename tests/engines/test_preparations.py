from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tensorrt_machine import machine_with_tensorrt

from mien.engines.personas.library import find
from mien.engines.personas.pack import Persona
from mien.engines.preparations import persona_preparations
from mien.engines.runtimes.packages import is_installed
from mien.realtime.errors import ModelError

pytest.importorskip("onnx")


@pytest.fixture
def broken() -> Persona:
    """Somebody whose networks cannot be read."""
    amara = find("amara")
    assert amara.networks is not None
    return replace(amara, networks=replace(amara.networks, encoder=b"no network"))


@pytest.mark.skipif(is_installed("tensorrt"), reason="TensorRT may have something to do for a network")
def test_networks_are_not_read_where_no_runtime_can_do_anything_for_them(broken: Persona) -> None:
    assert persona_preparations(broken) == ()


def test_they_are_read_where_one_can(broken: Persona, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    machine_with_tensorrt(monkeypatch, tmp_path)
    with pytest.raises(ModelError, match="encoder"):
        persona_preparations(broken)
    assert persona_preparations(broken, device="cpu") == ()
