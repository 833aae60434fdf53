"""Faults that the checks must catch."""

from __future__ import annotations

from typing import Final

from kernel_mutation import NO_X, NO_Y, rows

#: Faults of what is shared, of `crop.cu` and of `mask.cu`.
MUTATIONS: Final = (
    # -- shared by all
    *rows(
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
    *rows("common.cuh", "fade", ("(u8)clamped(rintf(value)", "(u8)clamped(value"), shared=True),
    *rows("common.cuh", "levels_f32", ("value < high ? value : high", "value"), shared=True),
    *rows(
        "common.cuh",
        "area_shrink",
        ("last = clamped((int)end, first, source - 1);", "last = clamped((int)end - 1, first, source - 1);"),
        ("float low = begin > (float)place ? begin : (float)place;", "float low = (float)place;"),
        ("return of_four ? (u8)(mean + 0.5f) : level(mean);", "return (u8)mean;"),
        ("return of_four ? (u8)(mean + 0.5f) : level(mean);", "return level(mean);"),
        shared=True,
    ),
    # -- crop.cu
    *rows(
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
    *rows(
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
    *rows(
        "crop.cu",
        "crop_bgr_f16",
        ("*at = half_of_float(value);", "*at = (unsigned short)value;"),
        ("map.y((float)x, (float)y));\n    long long pixel", "map.y((float)x, (float)y + 1.0f));\n    long long pixel"),
        shared=True,
    ),
    *rows(
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
    *rows(
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
    *rows(
        "crop.cu",
        "crop_nv12_f16",
        ("*at = half_of_float(value);", "*at = half_of_float(value) + 1;"),
        ("seen.v[c] * scale + bias", "(seen.v[c] + bias) * scale"),
        shared=True,
    ),
    *rows(
        "crop.cu",
        "nv12_to_bgr",
        ("if (x >= source_width || y >= source_height) return;", "if (y >= source_height) return;"),
        ("out_pitch)[3 * x + c]", "out_pitch)[3 * x + 2 - c]"),
    ),
    *rows(
        "crop.cu",
        "levels_f32",
        ("if (!(value - value == 0.0f)) *not_finite = 1;", "if (value != value) *not_finite = 1;"),
        ("pixel[(rgb ? channels - 1 - c : c)", "pixel[(rgb ? 2 - c : c)"),
        shared=True,
    ),
    *rows(
        "crop.cu",
        "levels_f16",
        ("{ return float_of_half(bits); }", "{ return (float)bits; }"),
        ("[x * channels + c] = level(value * scale + bias);", "[x * channels + c] = level(value * scale);"),
        shared=True,
    ),
    *rows(
        "crop.cu",
        "area_shrink",
        ("row <= rows.last", "row < rows.last"),
        ("[column * channels + c]", "[column * 3 + c]"),
        NO_X,
        NO_Y,
    ),
    # -- mask.cu
    *rows(
        "mask.cu",
        "mask_outside",
        ("|| y == height - 1", ""),
        ("        __syncthreads();\n        again = changed != 0;", "        again = changed != 0;"),
        ("        __syncthreads();\n        if (thread == 0) changed = 0;", "        if (thread == 0) changed = 0;"),
        ("        again = changed != 0;", "        again = false;"),
        ("i < width * height; i += threads", "i < width * height && i == thread; i += threads"),
    ),
    *rows(
        "mask.cu",
        "mask_outside",
        ("reached = *mask < SOLID && (reached || *outside);", "reached = *mask <= SOLID && (reached || *outside);"),
        shared=True,
    ),
    *rows(
        "mask.cu",
        "mask_row_distance",
        ("found <= reach", "found < reach"),
        ("x + found < width", "x + found <= width"),
        ("x >= found", "x > found"),
        NO_X,
    ),
    *rows(
        "mask.cu",
        "mask_ramp",
        ("y + reach, y, height - 1", "y + reach, y, height"),
        ("row <= bottom", "row < bottom"),
        ("rise * rise * (3.0f - 2.0f * rise)", "rise"),
        ("(least - erode_px) / feather_px", "least / feather_px"),
    ),
    *rows(
        "mask.cu", "mask_ramp", ("2.1969f * (float)(longer - shorter)", "2.0f * (float)(longer - shorter)"), shared=True
    ),
    *rows(
        "mask.cu",
        "mask_feather",
        (
            "((float)x + 0.5f) * ((float)ramp_width / (float)width) - 0.5f",
            "(float)x * ((float)ramp_width / (float)width)",
        ),
        ("row_of(ramp, row.second, ramp_width)", "row_of(ramp, row.first, ramp_width)"),
        NO_X,
        NO_Y,
    ),
    *rows(
        "mask.cu",
        "mask_multiply",
        ("(u8)(255 - share)", "(u8)(256 - share)"),
        ("inverted ?", "!inverted ?"),
        ("other_pitch)[x]", "pitch)[x]"),
        NO_X,
    ),
)
