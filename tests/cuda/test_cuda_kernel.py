"""What a launch is checked for before it is made."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from mien.engines.cuda.kernel import Value
from mien.engines.cuda.kernels import KERNELS, SOURCES
from mien.engines.cuda.unit import FOLDER, unit
from mien.realtime.errors import EngineError

FADE: dict[str, Value] = {
    "picture": 4096,
    "pitch": 300,
    "other": 8192,
    "other_pitch": 300,
    "width": 97,
    "height": 9,
    "share": 0.5,
}


def test_it_lays_out_what_a_driver_copies() -> None:
    launch = KERNELS["fade"].launch(**FADE)
    assert (launch.kernel, launch.grid, launch.block) == ("fade", (4, 2, 1), (32, 8, 1))
    assert [argument.dtype.str for argument in launch.arguments] == ["<u8", "<i4", "<u8", "<i4", "<i4", "<i4", "<f4"]
    assert [argument.item() for argument in launch.arguments] == [4096, 300, 8192, 300, 97, 9, 0.5]


def test_the_order_is_the_kernels_whatever_was_given() -> None:
    turned = dict(reversed(FADE.items()))
    assert KERNELS["fade"].launch(**turned) == KERNELS["fade"].launch(**FADE)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"picture": 0}, "picture must be a device address"),
        ({"picture": -8}, "picture must be a device address"),
        ({"picture": 1.5}, "picture must be a device address"),
        ({"width": 2**31}, "width must be a whole number of int32"),
        ({"width": 3.0}, "width must be a whole number of int32"),
        ({"width": 0}, "covers 0x9 px"),
        ({"height": -1}, "covers 97x-1 px"),
        ({"height": 8 * 65_535 + 1}, "nothing or too much"),
        ({"sharee": 1.0}, "missing or unknown: sharee"),
    ],
)
def test_what_no_kernel_can_take_is_refused(change: dict[str, Value], message: str) -> None:
    with pytest.raises(EngineError, match=message):
        KERNELS["fade"].launch(**{**FADE, **change})


def test_a_missing_value_is_named() -> None:
    with pytest.raises(EngineError, match="missing or unknown: share"):
        KERNELS["fade"].launch(**{name: value for name, value in FADE.items() if name != "share"})


def test_an_address_that_may_be_none_goes_as_zero() -> None:
    (colour,) = (argument for argument in KERNELS["paste"].arguments if argument.name == "colour")
    assert colour.packed(0) == np.uint64(0)


def test_blocks_cover_what_a_kernel_says() -> None:
    planes = {"pitch": 1, "width": 65, "height": 17, "luma_pitch": 1, "chroma_pitch": 1}
    launch = KERNELS["bgr_to_nv12"].launch(picture=1, luma=1, chroma=1, **planes)
    assert launch.grid == (2, 2, 1)
    sizes = {"pitch": 1, "source_width": 9, "source_height": 9, "out_pitch": 1, "channels": 1}
    assert KERNELS["area_means"].launch(source=1, out=1, width=5, height=3, **sizes).grid == (5, 3, 1)
    assert KERNELS["region_mean"].launch(picture=1, pitch=1, width=9, height=9, step=2, mean=1).grid == (1, 1, 1)


def test_every_source_is_in_the_table_and_every_kernel_in_its_source() -> None:
    assert set(SOURCES) == {path.name for path in FOLDER.glob("*.cu")}
    for kernel in KERNELS.values():
        assert kernel.prototype in unit(kernel.source)
        assert len({argument.name for argument in kernel.arguments}) == len(kernel.arguments)
        assert set(kernel.over) <= {argument.name for argument in kernel.arguments}


def test_the_page_tells_which_kernels_no_frame_asks_for() -> None:
    called = "".join((FOLDER / name).read_text(encoding="utf-8") for name in ("painting.py", "steps.py"))
    page = (Path(__file__).parents[2] / "docs" / "kernels.md").read_text(encoding="utf-8")
    told = page.split("## Not called yet")[1].split("## ")[0]
    assert {name for name in KERNELS if f'"{name}"' not in called} == set(re.findall(r"`(\w+)`", told))
