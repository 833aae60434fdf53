"""Faults planted in the kernels' sources, each of which the checks must catch.

A mutation that no longer finds its text is an error: put it right beside the source. Several are compiled together
where each lies in another kernel's own function, so that each check can fail through its own alone; what lies in a
function that kernels share is compiled by itself.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import cv2
from kernel_emulator import KernelEmulator
from kernel_parity import CHECKS

from mien.engines.cuda.unit import FOLDER


@dataclass(frozen=True)
class Mutation:
    """One fault: `old`, found once in `source` (or in the function of `kernel` there), becomes `new`."""

    source: str
    kernel: str
    old: str
    new: str
    shared: bool = False

    @property
    def name(self) -> str:
        return f"{self.source} {self.kernel}: {self.old.strip()} -> {self.new.strip()}"

    def planted(self, text: str) -> str:
        """The source with the fault. Raises `AssertionError` unless its text is there exactly once."""
        begin, end = (0, len(text)) if self.shared else _function(text, self.kernel)
        part = text[begin:end]
        assert part.count(self.old) == 1, f"{self.name}: found {part.count(self.old)} times"
        return text[:begin] + part.replace(self.old, self.new) + text[end:]


def _function(text: str, kernel: str) -> tuple[int, int]:
    found = re.search(rf'extern "C" __global__ void {kernel}\(.*?\n}}\n', text, re.DOTALL)
    assert found is not None, f"no kernel {kernel}"
    return found.span()


def _rows(source: str, kernel: str, *pairs: tuple[str, str], shared: bool = False) -> Iterator[Mutation]:
    for old, new in pairs:
        yield Mutation(source, kernel, old, new, shared)


_NO_X = ("if (x >= width || y >= height) return;", "if (y >= height) return;")
_NO_Y = ("if (x >= width || y >= height) return;", "if (x >= width) return;")

MUTATIONS: Final = (
    # -- shared by all
    *_rows(
        "common.cuh",
        "crop_bgr_u8",
        ("m00 * column + m01 * row", "m00 * column - m01 * row"),
        ("m10 * column + m11 * row + m12", "m10 * column + m11 * row"),
        ("first = (int)place;", "first = (int)rintf(place);"),
        ("place = clamped(place, 0.0f, (float)(length - 1));", "place = clamped(place, 0.0f, (float)length);"),
        ("second = first + 1 < length ? first + 1 : first;", "second = first;"),
        ("rintf(bilinear(p00.v[c], p01.v[c]", "(bilinear(p00.v[c], p01.v[c]"),
        ("upper + (lower - upper) * down;", "upper + (lower - upper) * right;"),
        ("+ (long long)row * pitch_bytes", "+ (long long)row * (pitch_bytes - 1)"),
        ("(float)pixel[0], (float)pixel[1]", "(float)pixel[1], (float)pixel[0]"),
        shared=True,
    ),
    *_rows("common.cuh", "fade", ("(u8)clamped(rintf(value)", "(u8)clamped(value"), shared=True),
    *_rows("common.cuh", "levels_f32", ("value < high ? value : high", "value"), shared=True),
    *_rows(
        "common.cuh",
        "area_shrink",
        ("last = clamped((int)end, first, source - 1);", "last = clamped((int)end - 1, first, source - 1);"),
        ("float low = begin > (float)place ? begin : (float)place;", "float low = (float)place;"),
        ("return of_four ? (u8)(mean + 0.5f) : level(mean);", "return (u8)mean;"),
        ("return of_four ? (u8)(mean + 0.5f) : level(mean);", "return level(mean);"),
        shared=True,
    ),
    # -- crop.cu
    *_rows(
        "crop.cu",
        "crop_bgr_u8",
        ("pixel[c] = (u8)seen.v[c];", "pixel[2 - c] = (u8)seen.v[c];"),
        (
            "    if (x >= width || y >= height) return;\n"
            "    Bgr seen = sampled(picture, map.x((float)x, (float)y), map.y((float)x, (float)y));\n    u8*",
            "    Bgr seen = sampled(picture, map.x((float)x, (float)y), map.y((float)x, (float)y));\n    u8*",
        ),
        shared=True,
    ),
    *_rows(
        "crop.cu",
        "crop_bgr_f32",
        ("(rgb ? 2 - c : c) * (long long)channel_stride + pixel", "c * (long long)channel_stride + pixel"),
        (
            "((long long)y * width + x) * pixel_stride;\n    for (int c = 0; c < 3",
            "((long long)y * width + x);\n    for (int c = 0; c < 3",
        ),
        ("seen.v[c] * scale + bias", "seen.v[c] * scale"),
        shared=True,
    ),
    *_rows(
        "crop.cu",
        "crop_bgr_f16",
        ("*at = half_of_float(value);", "*at = (unsigned short)value;"),
        ("map.y((float)x, (float)y));\n    long long pixel", "map.y((float)x, (float)y + 1.0f));\n    long long pixel"),
        shared=True,
    ),
    *_rows(
        "crop.cu",
        "crop_nv12_u8",
        ("+ (x & ~1)", "+ x"),
        ("row_of(chroma, y / 2, chroma_pitch)", "row_of(chroma, y, chroma_pitch)"),
        ("int u = uv[0] - 128, v = uv[1] - 128;", "int u = uv[1] - 128, v = uv[0] - 128;"),
        ("(float)clamped((l + 1673527 * v) >> 20, 0, 255)", "(float)((l + 1673527 * v) >> 20)"),
        ("2116026 * u", "2116026 * v"),
        ("row_of(luma, y, luma_pitch)[x] - 16, 0, 255)", "row_of(luma, y, luma_pitch)[x], 0, 255)"),
        shared=True,
    ),
    *_rows(
        "crop.cu",
        "crop_nv12_f32",
        ("(rgb ? 2 - c : c) * (long long)channel_stride + pixel", "(2 - c) * (long long)channel_stride + pixel"),
        (
            "if (x >= width || y >= height) return;\n    Bgr seen = sampled(picture, map.x((float)x, (float)y), "
            "map.y((float)x, (float)y));\n    long long",
            "Bgr seen = sampled(picture, map.x((float)x, (float)y), map.y((float)x, (float)y));\n    long long",
        ),
        shared=True,
    ),
    *_rows(
        "crop.cu",
        "crop_nv12_f16",
        ("*at = half_of_float(value);", "*at = half_of_float(value) + 1;"),
        ("seen.v[c] * scale + bias", "(seen.v[c] + bias) * scale"),
        shared=True,
    ),
    *_rows(
        "crop.cu",
        "nv12_to_bgr",
        ("if (x >= source_width || y >= source_height) return;", "if (y >= source_height) return;"),
        ("out_pitch)[3 * x + c]", "out_pitch)[3 * x + 2 - c]"),
    ),
    *_rows(
        "crop.cu",
        "levels_f32",
        ("if (!(value - value == 0.0f)) *not_finite = 1;", "if (value != value) *not_finite = 1;"),
        ("pixel[(rgb ? channels - 1 - c : c)", "pixel[(rgb ? 2 - c : c)"),
        shared=True,
    ),
    *_rows(
        "crop.cu",
        "levels_f16",
        ("{ return float_of_half(bits); }", "{ return (float)bits; }"),
        ("[x * channels + c] = level(value * scale + bias);", "[x * channels + c] = level(value * scale);"),
        shared=True,
    ),
    *_rows(
        "crop.cu",
        "area_shrink",
        ("row <= rows.last", "row < rows.last"),
        ("[column * channels + c]", "[column * 3 + c]"),
        _NO_X,
        _NO_Y,
    ),
    # -- mask.cu
    *_rows(
        "mask.cu",
        "mask_outside",
        ("|| y == height - 1", ""),
        ("        __syncthreads();\n        again = changed != 0;", "        again = changed != 0;"),
        ("        __syncthreads();\n        if (thread == 0) changed = 0;", "        if (thread == 0) changed = 0;"),
        ("        again = changed != 0;", "        again = false;"),
        ("i < width * height; i += threads", "i < width * height && i == thread; i += threads"),
    ),
    *_rows(
        "mask.cu",
        "mask_outside",
        ("reached = *mask < SOLID && (reached || *outside);", "reached = *mask <= SOLID && (reached || *outside);"),
        shared=True,
    ),
    *_rows(
        "mask.cu",
        "mask_row_distance",
        ("found <= reach", "found < reach"),
        ("x + found < width", "x + found <= width"),
        ("x >= found", "x > found"),
        _NO_X,
    ),
    *_rows(
        "mask.cu",
        "mask_ramp",
        ("y + reach, y, height - 1", "y + reach, y, height"),
        ("row <= bottom", "row < bottom"),
        ("rise * rise * (3.0f - 2.0f * rise)", "rise"),
        ("(least - erode_px) / feather_px", "least / feather_px"),
    ),
    *_rows(
        "mask.cu", "mask_ramp", ("2.1969f * (float)(longer - shorter)", "2.0f * (float)(longer - shorter)"), shared=True
    ),
    *_rows(
        "mask.cu",
        "mask_feather",
        (
            "((float)x + 0.5f) * ((float)ramp_width / (float)width) - 0.5f",
            "(float)x * ((float)ramp_width / (float)width)",
        ),
        ("row_of(ramp, row.second, ramp_width)", "row_of(ramp, row.first, ramp_width)"),
        _NO_X,
        _NO_Y,
    ),
    *_rows(
        "mask.cu",
        "mask_multiply",
        ("(u8)(255 - share)", "(u8)(256 - share)"),
        ("inverted ?", "!inverted ?"),
        ("other_pitch)[x]", "pitch)[x]"),
        _NO_X,
    ),
    # -- statistics.cu
    *_rows(
        "statistics.cu",
        "lab_statistics",
        ("count >= LEAST_SAMPLES", "count > LEAST_SAMPLES"),
        ("(float)(source_width - 1)", "(float)(source_width - 9)"),
        ("(float)(i / samples.columns)", "(float)(i / samples.rows)"),
        ("seen.v[c] /= 255.0f", "seen.v[c] /= 256.0f"),
        ("room, statistics + 6)", "room, statistics + 5)"),
    ),
    *_rows(
        "statistics.cu",
        "lab_statistics",
        ("step, mask_pitch)[i % columns * step] >= 128", "step, mask_pitch)[i % columns * step] >= 127"),
        ("columns((width + step - 1) / step)", "columns(width / step)"),
        ("patch_pitch) + 3 *", "patch_pitch) +"),
        ("500.0f * (x - y)", "500.0f * (y - x)"),
        ("sqrtf(squares.v[c] / count)", "sqrtf(squares.v[c] / (count - 1.0f))"),
        ("        __syncthreads();\n    }\n    Number sum", "    }\n    Number sum"),
        ("    Number sum = room[0];\n    __syncthreads();", "    Number sum = room[0];"),
        shared=True,
    ),
    *_rows(
        "statistics.cu",
        "colour_fit",
        ("threadIdx.x % 5 == 0", "threadIdx.x % 4 == 0"),
        ("    __syncthreads();\n    Samples samples", "    Samples samples"),
        ("shift.v[c] /= count;", ""),
        ("(change.v[k] - shift.v[k])", "change.v[j]"),
        ("count * (3.0f / 255.0f)", "count * 30.0f * (3.0f / 255.0f)"),
    ),
    *_rows(
        "statistics.cu",
        "colour_fit",
        ("passed_ns > GAP_NS", "passed_ns >= GAP_NS"),
        ("passed_ns < 0 ||", ""),
        ("1.0f - expf(-((float)passed_ns", "expf(-((float)passed_ns"),
        ("strength * (state[c] - state[6 + c])", "(state[c] - state[6 + c])"),
        ("high[3] = {1.4f, 1.2f, 1.2f}", "high[3] = {1.4f, 1.4f, 1.2f}"),
        ("low[3] = {0.7f, 0.75f, 0.75f}", "low[3] = {0.9f, 0.75f, 0.75f}"),
        ("+ with[j][i];", "+ with[i][j];"),
        ("state[12] = 1.0f;", "state[12] = 0.0f;"),
        (": lab.v[0] / 903.3f", ": lab.v[0] / 90.33f"),
        shared=True,
    ),
    *_rows(
        "statistics.cu",
        "area_means",
        ("sum[c], room)", "sum[0], room)"),
        ("rows.first + i / across", "rows.first + i / across + 1"),
        ("* rows.weight(row)", ""),
    ),
    *_rows(
        "statistics.cu",
        "region_mean",
        ("(width + step - 1) / step", "width / step"),
        ("pixel[0] + pixel[1] + pixel[2]", "pixel[0] + pixel[1] + pixel[1]"),
        ("i += (int)blockDim.x", "i += (int)blockDim.x - 1"),
    ),
    *_rows(
        "statistics.cu",
        "painted_area",
        ("x <= (float)frame_width", "x < (float)frame_width - 0.5f"),
        ("> 127", ">= 127"),
        ("x >= 0.0f && y >= 0.0f", "x >= 0.0f"),
    ),
    # -- blend.cu
    *_rows(
        "blend.cu",
        "paste",
        ("if (!holds || lit == nullptr) return;", "if (lit == nullptr) return;"),
        ("mixed((int)plain.v[c], pixel[c], again)", "mixed((int)upper.v[c], pixel[c], again)"),
        ("&& colour[12] != 0.0f", ""),
        ("mixed((int)upper.v[c], pixel[c], shown)", "mixed((int)upper.v[2 - c], pixel[c], shown)"),
    ),
    *_rows(
        "blend.cu",
        "paste",
        ("(mask >> 7)", "(mask >> 8)"),
        ("+ 128) >> 8", ") >> 8"),
        ("row + down < height", "row + down <= height"),
        ("column + right >= 0 &&", ""),
        ("map[4 * c + 3]", "map[3]"),
        ("map[4 * c] * bgr.v[0]", "map[4 * c] * bgr.v[2]"),
        ("left + x < 0 ||", ""),
        ("|| left + x >= frame_width", ""),
        shared=True,
    ),
    *_rows(
        "blend.cu",
        "cover",
        ("(1.0f + feather - sqrtf", "(1.0f - sqrtf"),
        ("lower[3 * right.second + c], right.share", "lower[3 * right.second + c], down.share"),
        ("row_of(mosaic, down.second, 3 * columns)", "row_of(mosaic, down.first, 3 * columns)"),
    ),
    *_rows(
        "blend.cu",
        "cover",
        ("clamped(place, 0, size - 1) * count / size", "clamped(place, 0, size - 1) * count / (size - 1)"),
        ("int reach = blur_px / 2", "int reach = blur_px / 2 + 1"),
        shared=True,
    ),
    *_rows(
        "blend.cu",
        "sprite",
        ("|| y >= height || left", "|| left"),
        ("bool outside = x >= width", "bool outside = x > width"),
        ("top + y >= frame_height", "false"),
        shared=True,
    ),
    *_rows(
        "blend.cu",
        "sprite",
        ("3 * ((long long)row * width + column)", "3 * ((long long)row * (width - 1) + column)"),
        ("pixel[c] * keep[at + c] >> 8", "pixel[c] * keep[at] >> 8"),
        ("colour[at + c] +", ""),
    ),
    *_rows(
        "blend.cu",
        "fade",
        ("(1.0f - share)", "share"),
        ("row_of(other, y, other_pitch)", "row_of(other, y, pitch)"),
        _NO_X,
        _NO_Y,
    ),
    *_rows(
        "blend.cu",
        "watermark",
        ("clamped(pixel[c] + step, 0, 255)", "(pixel[c] + step)"),
        ("c < 3", "c < 2"),
        ("(long long)y * width + x", "(long long)x * width + y"),
        _NO_X,
    ),
    # -- output.cu
    *_rows(
        "output.cu",
        "bgr_to_nv12",
        ("uv[0] = first.u();", "uv[0] = first.v();"),
        ("+ 2 * column;", "+ column;"),
    ),
    *_rows(
        "output.cu",
        "bgr_to_i420",
        ("row_of(chroma_u, row, chroma_pitch)[column]", "row_of(chroma_u, row, chroma_pitch)[column + 1]"),
        ("= first.v();", "= first.u();"),
    ),
    *_rows(
        "output.cu",
        "bgr_to_i420",
        ("2 * column >= width ||", ""),
        ("2 * column + right, 0, width - 1", "2 * column + right, 0, width"),
        ("for (int right = 1; right >= 0; --right)", "for (int right = 0; right < 2; ++right)"),
        ("102760 * b", "102760 * r"),
        ("(16 << 20)", "(0 << 20)"),
        shared=True,
    ),
)


def batches(source: str) -> Iterator[list[Mutation]]:
    """The mutations of one source in lists that are compiled together."""
    waiting = [mutation for mutation in MUTATIONS if mutation.source == source]
    yield from ([mutation] for mutation in waiting if mutation.shared)
    waiting = [mutation for mutation in waiting if not mutation.shared]
    while waiting:
        batch = list({mutation.kernel: mutation for mutation in reversed(waiting)}.values())
        yield batch
        waiting = [mutation for mutation in waiting if mutation not in batch]


def survivors(source: str) -> list[str]:
    """Names of the mutations of `source` that no check catches."""
    text = (FOLDER / source).read_text(encoding="utf-8")
    alive = []
    for batch in batches(source):
        changed = text
        for mutation in batch:
            changed = mutation.planted(changed)
        # Compiled in a moment; warnings do not count: a mutation may well leave a name unused.
        device = KernelEmulator({source: changed}, flags=("-O0", "-w"))
        alive += [mutation.name for mutation in batch if not _caught(device, mutation.kernel)]
    return alive


def _caught(device: KernelEmulator, kernel: str) -> bool:
    try:
        CHECKS[kernel](device)
    except AssertionError:
        return True
    return False


if __name__ == "__main__":
    cv2.setNumThreads(1)
    found = [name for each in sys.argv[1:] for name in survivors(each)]
    sys.stdout.write("".join(f"{name}\n" for name in found))
    sys.exit(bool(found))
