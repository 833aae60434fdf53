"""From a decoder's numbers to a patch, in PyTorch: what `mien.engines.swapnet.engine` does with OpenCV, on any device.

Texture, bend, light, what is wet and what is in front: the same steps with the same roundings to whole levels. Areas
and blurs are products with small matrices, so that all of it is captured into one CUDA graph.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as fn

from mien.engines.mesh import light_terms as light
from mien.engines.swapnet.network import own_places
from mien.engines.swapnet.terms import FACE_SHARE, MOST_IN_FRONT, SEEN_PX, SURE
from mien.realtime.errors import EngineError
from mien.realtime.frame import Floats

#: How much of the light is taken over; see `mien.engines.mesh.light.shading`.
_STRENGTH = 0.9


class Finished(NamedTuple):
    """A patch.

    Attributes:
        pixels: (S, S, 3) uint8 BGR.
        mask: (S, S) uint8.
        wet: (S, S) uint8.
        faults: (3,) float32, 1 where what is in front is not finite, where the decoder's numbers are not, and where too
            much is in front.

    """

    pixels: Tensor
    mask: Tensor
    wet: Tensor
    faults: Tensor


class Seen(nn.Module):
    """The crop as the encoder sees it."""

    def __init__(self, size_px: int) -> None:
        super().__init__()
        if size_px % SEEN_PX:
            raise EngineError(f"on a GPU the network's square is a multiple of {SEEN_PX} px, got {size_px}.")
        self._factor = size_px // SEEN_PX

    def forward(self, crop: Tensor) -> Tensor:
        """(S, S, 3) uint8 BGR to (1, 3, 128, 128) float32 RGB 0..1."""
        pixels = crop.permute(2, 0, 1)[None].float().flip(1)
        if self._factor > 1:
            pixels = fn.avg_pool2d(pixels, self._factor)
            # OpenCV rounds the mean of 2x2 pixels up at a half, every other to even.
            pixels = torch.floor(pixels + 0.5) if self._factor == 2 else torch.round(pixels)
        return pixels / 255


class Finish(nn.Module):
    """See the module. One for each decoder.

    Args:
        size_px: S, of the decoder's square.
        texture: (T, T, 3) float32 BGR, see `mien.engines.swapnet.texture.read_texture`.

    """

    texture: Tensor
    places: Tensor
    areas: Tensor
    blur: Tensor
    wide_blur: Tensor
    luma: Tensor

    def __init__(self, size_px: int, texture: Floats) -> None:
        super().__init__()
        self._size_px = size_px
        face_px = FACE_SHARE * size_px
        scale = min(1.0, light.WORK_PX / face_px)
        self._skip = max(1, int(0.5 / scale))
        work, few = max(4, round(size_px * scale)), -(-size_px // self._skip)
        sigma = max(light.SIGMA * face_px * scale, 0.8)
        for name, values in {
            "texture": texture.transpose(2, 0, 1)[None],
            "places": own_places(size_px).numpy(),
            "areas": area_matrix(few, work),
            "blur": light.blur_matrix(work, sigma),
            "wide_blur": light.blur_matrix(work, 2 * sigma),
            "luma": light.LUMA,
        }.items():
            self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(values, np.float32)))

    def forward(self, painted: Tensor, where: Tensor, crop: Tensor, front: Tensor, moves: Tensor) -> Finished:
        """Make the patch.

        Args:
            painted: (1, S, S, 5) of `graphs.DecoderGraph`.
            where: (1, S/2, S/2, 3) of the same.
            crop: (S, S, 3) uint8 BGR, the driver.
            front: (1, 1, 64, 64) of `graphs.EncoderGraph`.
            moves: (2, 33, 33), see `likeness.moves_of`.

        """
        finite = torch.isfinite(painted).all() & torch.isfinite(where).all()
        pixels, mask, wet = self._bent(self._dressed(painted, where), moves)
        gain, brightness = self._light(crop, pixels, (mask - wet).clamp(min=0))
        pixels = _level(pixels * self._larger(_level(gain.permute(2, 0, 1) * 128))[0].permute(1, 2, 0) / 128)
        darker = torch.floor(pixels * (1 - (1 - brightness) * (wet / 255)[..., None]))
        pixels = torch.where(brightness < 1, darker, pixels)
        share = ((front[0] - SURE[0]) / (SURE[1] - SURE[0])).clamp(0, 1)
        left = torch.round(mask * (255 - self._larger(_level(share * 255))[0, 0]) / 255)
        bare = left.sum() < (1 - MOST_IN_FRONT) * mask.sum()
        return Finished(
            _bytes(pixels),
            _bytes(left),
            _bytes(wet),
            torch.stack([~torch.isfinite(front).all(), ~finite, bare]).float(),
        )

    def _dressed(self, painted: Tensor, where: Tensor) -> Tensor:
        """(1, 5, S, S) whole levels: blue, green, red with the texture, the face, what is wet."""
        planes = painted.permute(0, 3, 1, 2)
        # Flipped, not indexed by a list: a list would be copied to the GPU, which no capture of a graph allows.
        colours = planes[:, :3].flip(1)
        moved = fn.interpolate(
            where.permute(0, 3, 1, 2), (self._size_px, self._size_px), mode="bilinear", align_corners=False
        )
        at = (self.places + moved[:, :2]).permute(0, 2, 3, 1)
        found = fn.grid_sample(self.texture, at, padding_mode="border", align_corners=True)
        return _level(torch.cat([colours + moved[:, 2:] * found, planes[:, 3:]], 1))

    def _bent(self, channels: Tensor, moves: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        size = (self._size_px, self._size_px)
        moved = fn.interpolate(moves[None], size, mode="bilinear", align_corners=True) * (2 / (self._size_px - 1))
        at = (self.places - moved).permute(0, 2, 3, 1)
        bent = _level(fn.grid_sample(channels, at, padding_mode="border", align_corners=True))[0]
        return bent[:3].permute(1, 2, 0), bent[3], bent[4]

    def _light(self, driver: Tensor, persona: Tensor, skin: Tensor) -> tuple[Tensor, Tensor]:
        """See `mien.engines.mesh.light.shading`: the (w, w, 3) gain and the brightness."""
        weight = self._few(skin[..., None])[..., 0] / 255
        total = weight.sum().clamp(min=1e-3)
        (theirs, their_mean), (ours, our_mean) = (
            self._slow(self._few(each.float()), weight, total) for each in (driver, persona)
        )
        ratio = theirs - ours
        ratio = ratio - (weight[..., None] * ratio).sum((0, 1)) / total
        luma = (ratio @ self.luma)[..., None]
        chroma = (light.CHROMA * (ratio - luma)).clamp(-light.MOST_CHROMA, light.MOST_CHROMA)
        gain = torch.exp(_STRENGTH * luma + chroma).clamp(light.LEAST, light.MOST)
        return gain, ((their_mean + light.FLOOR) / (our_mean + light.FLOOR)).clamp(0.2, 2.0)

    def _slow(self, small: Tensor, weight: Tensor, total: Tensor) -> tuple[Tensor, Tensor]:
        mean = (weight[..., None] * small).sum((0, 1)) / total
        luma = small @ self.luma
        around = _both(self.wide_blur, luma * weight) / (_both(self.wide_blur, weight) + 1e-4)
        bare = weight * ((luma / (around + 1e-3) - light.HAIR) / (light.SKIN - light.HAIR)).clamp(0, 1)
        lit = _both(self.blur, (small * bare[..., None]).permute(2, 0, 1)).permute(1, 2, 0)
        blurred = (lit + 1e-4 * mean) / (_both(self.blur, bare) + 1e-4)[..., None]
        return torch.log(blurred + light.FLOOR), mean.mean()

    def _few(self, picture: Tensor) -> Tensor:
        """(S, S, C) to (w, w, C) whole levels, area means of every few pixels."""
        few = picture[:: self._skip, :: self._skip].permute(2, 0, 1)
        return torch.round(_both(self.areas, few)).permute(1, 2, 0)

    def _larger(self, planes: Tensor) -> Tensor:
        """(C, h, w) whole levels to (1, C, S, S) whole levels."""
        size = (self._size_px, self._size_px)
        return torch.round(fn.interpolate(planes[None], size, mode="bilinear", align_corners=False))


def area_matrix(given: int, made: int) -> Floats:
    """(made, given): means of the areas that `made` pixels take among `given`; OpenCV's INTER_AREA along one axis."""
    edges = np.arange(made + 1) * (given / made)
    places = np.arange(given)
    low, high = np.maximum(edges[:-1, None], places), np.minimum(edges[1:, None], places + 1)
    out: Floats = (np.maximum(high - low, 0) * (made / given)).astype(np.float32)
    return out


def _both(matrix: Tensor, planes: Tensor) -> Tensor:
    """(..., h, h) to (..., w, w), the same along both axes."""
    return matrix @ planes @ matrix.T


def _level(values: Tensor) -> Tensor:
    return torch.round(values).clamp(0, 255)


def _bytes(levels: Tensor) -> Tensor:
    return levels.to(torch.uint8).contiguous()
