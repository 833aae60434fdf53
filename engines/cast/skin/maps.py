"""A person's skin and shirt as texture maps, painted once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.body.anatomy import Body
from mien.engines.cast.body.landmarks import skin_landmarks
from mien.engines.cast.look import Look
from mien.engines.cast.parts.piece import Label
from mien.engines.cast.parts.scalp import brow_tone, ear_mask, hair_tone, scalp
from mien.engines.cast.skin import marks as marked
from mien.engines.cast.skin.atlas import Texels, atlas_uv, texels
from mien.engines.cast.skin.creases import crease_weights, expression_lines, lines
from mien.engines.cast.skin.features import spotted
from mien.engines.cast.skin.inlays import gold_seams
from mien.engines.cast.skin.makeup import lid_lines
from mien.engines.cast.skin.tones import lip_tone, skin_tone
from mien.engines.cast.skin.volume import noise_volume
from mien.engines.cast.skin.zones import MIRROR_V, zones

if TYPE_CHECKING:
    from mien.engines.cast.skin.marks import Marks

__all__ = ["Skin", "build_skin", "crease_weights"]

Floats = NDArray[np.float32]

#: How much of the scalp's skin shows the roots' colour, by hair style.
_ROOTS = {"shaved": 0.30, "buzz": 0.62, "crop": 0.85, "coils": 0.9, "afro": 0.92}
#: MediaPipe's landmark of the chin, and how far below it the shirt begins at least.
_CHIN = 152
_UNDER_CHIN_M = 0.016
_COLLARS = {"crew": 0, "vee": 1, "high": 2}
#: Steepest slope that a relief may have: beyond it a texel's normal would turn away from the camera.
_STEEPEST = 0.9
_STEEPEST_CREASE = 1.4


@dataclass(frozen=True, slots=True, eq=False)
class Skin:
    """Texture maps of one person, R texels square, row 0 on top; `uv` places them on the body's SKIN faces.

    Attributes:
        uv: (T, 2) float32 for `body.uv_faces`: u right, v down, 0..1.
        albedo: (R, R, 3) float32, linear RGB.
        surface: (R, R, 4) float32: gradient of the relief in the body's rest space (slope, no unit, tangential: a
            shader takes normalize(n - gradient)), and the strength of the highlight (bare skin 1, lips 1.8, cloth 0).
        rough: (R, R) float32, 0.15..0.9.
        creases: (R, R, 4) float32: gradient of the lines of expression at full strength, and the number of their
            group: 0 none, 1 forehead, 2 frown, 3 eye corners and cheeks, 4 nose; see `crease_weights`.
        scatter: (R, R) float32, 0..1, how strongly light spreads under the surface.
        labels: (R, R) uint8, of `parts.piece.Label`: SKIN, LIPS, EARS, NECK, CLOTH; 0 where nothing is.
        part_albedo: (3, 3) float32, linear RGB of the body's other parts: rows for MOUTH, TONGUE, SOCKET.

    """

    uv: Floats
    albedo: Floats
    surface: Floats
    rough: Floats
    creases: Floats
    scatter: Floats
    labels: NDArray[np.uint8]
    part_albedo: Floats


def build_skin(body: Body, look: Look, seed: int, size_px: int = 1024) -> Skin:
    """Paints a person's maps; the same arguments give the same maps.

    Args:
        body: at rest.
        look: appearance.
        seed: of the recipe: places of spots, pores, lines.
        size_px: R, height and width of the maps.

    """
    uv = atlas_uv(body)
    fields = zones(body)
    plan = [expression_lines(look, seed), lid_lines(body, uv, look)]
    if look.material == "porcelain":
        plan.append(gold_seams(seed))
    elif look.material == "skin":
        plan += [lines(look, seed), spotted(body, uv, fields, look, seed)]
    canvas = _Canvas(body, look, seed, texels(body, size_px), fields)
    canvas.stamp(marked.merged(plan))
    canvas.paint()
    return canvas.finished(uv)


class _Canvas:
    """The Warp arrays of a skin in the making; painted on the CPU whatever the renderer's device, so it is exact."""

    def __init__(self, body: Body, look: Look, seed: int, plan: Texels, fields: Floats) -> None:
        import warp as wp

        from mien.engines.cast.skin import kernels

        self._look, self._body, self._plan, self._seed = look, body, plan, seed
        self._rng = np.random.default_rng((seed, 0x5C17))
        size = plan.face.shape
        self._creases: Any
        self._labels: Any
        self._rough: Any
        self._face = _array(plan.face, wp.int32)
        self._bary = _array(plan.bary, wp.vec2)
        self._plain = _array(plan.plain_uv, wp.vec2)
        self._masks = _array(plan.masks, wp.vec3)
        self._volume = _array(noise_volume().reshape(-1, 4), wp.vec4)
        self._corners = _array(body.uv_faces.reshape(-1), wp.int32)
        self._body_corners = _array(body.faces.reshape(-1), wp.int32)
        self._first = _array(np.ascontiguousarray(fields[:, :4]), wp.vec4)
        self._second = _array(np.ascontiguousarray(fields[:, 4:]), wp.vec4)
        self._layers = wp.zeros((marked.LAYERS, *size), dtype=wp.float32, device="cpu")
        self._at = wp.zeros(size, dtype=wp.vec3, device="cpu")
        # Between the islands lies the colour beside them, for the smaller maps that a renderer makes of this one.
        blank = np.broadcast_to(skin_tone(look), (*size, 3)).copy()
        blank[:, : int(size[1] * 0.3)] = look.cloth_rgb
        self._albedo = _array(blank, wp.vec3)
        self._surface = _array(np.tile(np.array([0, 0, 0, 1], np.float32), (*size, 1)), wp.vec4)
        self._creases = wp.zeros(size, dtype=wp.vec4, device="cpu")
        self._height = wp.zeros(size, dtype=wp.float32, device="cpu")
        self._rough = wp.full(size, 0.5, dtype=wp.float32, device="cpu")
        self._scatter = _array((plan.face >= 0).astype(np.float32), wp.float32)
        self._labels = _array(plan.labels.copy(), wp.uint8)
        points = _array((body.rest - body.brow_centre).astype(np.float32), wp.vec3)
        self._launch(kernels.survey, self._face, self._bary, self._body_corners, points, self._at)

    def stamp(self, marks: Marks) -> None:
        """Draws marks into their layers."""
        import warp as wp

        from mien.engines.cast.skin import kernels

        inputs = [_array(marks.ends, wp.vec4), _array(marks.shape, wp.vec4), _array(marks.layer, wp.int32)]
        zone = _array(self._plan.zone, wp.uint8)
        inputs += [self._at, self._face, zone, self._volume, self._layers]
        wp.launch(kernels.stamp, dim=len(marks.ends), inputs=inputs, device="cpu")

    def paint(self) -> None:
        """Colours, heights and shine."""
        from mien.engines.cast.skin import cloth, kernels

        tint = self._tint()
        ways = {"skin": self._paint_skin, "porcelain": self._paint_porcelain, "android": self._paint_android}
        ways[self._look.material](tint)
        self._launch(
            cloth.dress, self._at, self._face, self._volume, tint, self._albedo, self._height, self._surface,
            self._rough, self._scatter, self._labels,
        )  # fmt: skip
        crease = self._layers[marked.CREASE]
        # Neither glaze nor polymer folds into lines.
        fold = -1.0 if self._look.material == "skin" else 0.0
        self._launch(kernels.relief, self._at, self._face, self._height, 1.0, _STEEPEST, self._surface)
        self._launch(kernels.relief, self._at, self._face, crease, fold, _STEEPEST_CREASE, self._creases)

    def _paint_skin(self, tint: Any) -> None:  # noqa: ANN401 - a Warp struct
        from mien.engines.cast.skin import paint

        roots = self._scalp()
        zones_at = (self._corners, self._first, self._second)
        marks = (self._masks, self._layers, self._volume, tint)
        self._launch(
            paint.colour, self._face, self._bary, self._at, self._corners, self._body_corners, self._first,
            self._second, roots, *marks, self._albedo, self._surface,
        )  # fmt: skip
        self._launch(paint.lips_and_lids, self._face, self._at, self._plain, *marks, self._albedo)
        self._launch(
            paint.texture, self._face, self._bary, self._at, self._plain, *zones_at, *marks, self._height,
            self._surface, self._rough,
        )  # fmt: skip

    def _paint_porcelain(self, tint: Any) -> None:  # noqa: ANN401 - a Warp struct
        from mien.engines.cast.skin import stylised

        self._launch(
            stylised.porcelain, self._face, self._bary, self._at, self._plain, self._corners, self._first,
            self._masks, self._layers, self._volume, tint, self._albedo, self._height, self._surface, self._rough,
            self._scatter,
        )  # fmt: skip
        self._paint_cap(tint)

    def _paint_android(self, tint: Any) -> None:  # noqa: ANN401 - a Warp struct
        from mien.engines.cast.skin import stylised

        self._launch(
            stylised.android, self._face, self._at, self._masks, self._layers, self._volume, tint, self._albedo,
            self._height, self._surface, self._rough, self._scatter,
        )  # fmt: skip

        self._paint_cap(tint)

    def _paint_cap(self, tint: Any) -> None:  # noqa: ANN401 - a Warp struct
        from mien.engines.cast.skin import stylised

        if self._look.hair_style != "shaved":
            self._launch(stylised.roots, self._face, self._bary, self._body_corners, self._scalp(), tint, self._albedo)

    def _scalp(self) -> Any:  # noqa: ANN401 - a Warp array
        return _array(scalp(self._body, self._look, ear_mask(self._body), self._seed), float)

    def finished(self, uv: Floats) -> Skin:
        """The maps as NumPy arrays."""
        creases = self._creases.numpy()
        # Also beside a line, where the slope is 0, so that a filter reads the same group across its edge.
        creases[:, :, 3] = np.where(self._labels.numpy() == int(Label.CLOTH), 0, self._plan.zone)
        return Skin(
            uv=uv,
            albedo=self._albedo.numpy(),
            surface=self._surface.numpy(),
            rough=self._rough.numpy(),
            creases=creases,
            scatter=self._scatter.numpy(),
            labels=self._labels.numpy(),
            part_albedo=_part_albedo(self._look),
        )

    def _tint(self) -> Any:  # noqa: ANN401 - a Warp struct
        import warp as wp

        from mien.engines.cast.skin.tint import Tint

        look, tint = self._look, Tint()
        turn, _ = np.linalg.qr(self._rng.normal(size=(3, 3)))
        skin = skin_tone(look)
        tint.skin, tint.lips = wp.vec3(*skin), wp.vec3(*lip_tone(look))
        tint.hair = wp.vec3(*(hair_tone(look) * 0.8))
        # Under the skin a root looks blue: the skin above it takes the red away.
        tint.beard = wp.vec3(*(0.28 * skin * np.array([0.62, 0.8, 0.95]) + 0.35 * brow_tone(look)))
        tint.lid, tint.lipstick, tint.cloth = wp.vec3(*look.lid_rgb), wp.vec3(*look.lip_rgb), wp.vec3(*look.cloth_rgb)
        tint.shift, tint.turn = wp.vec3(*self._rng.random(3)), wp.mat33(*turn.ravel())
        tint.melanin, tint.redness, tint.age, tint.stubble = look.melanin, look.redness, look.age, look.stubble
        tint.scalp = _ROOTS.get(look.hair_style, 0.95)
        tint.eyeshadow, tint.eyeliner, tint.blush = look.eyeshadow, look.eyeliner, look.blush
        tint.lipstick_strength, tint.lid_edge = look.lipstick, 0.35 + 0.5 * look.lash_weight
        tint.collar_style, tint.collar_drop = _COLLARS[look.cloth], _collar_drop(self._body, look)
        tint.frame, tint.mouth = (wp.vec3(*values) for values in _frame(self._body))
        return tint

    def _launch(self, kernel: Any, *inputs: Any) -> None:  # noqa: ANN401 - Warp carries no types
        import warp as wp

        wp.launch(kernel, dim=self._plan.face.shape, inputs=list(inputs), device="cpu")


def _collar_drop(body: Body, look: Look) -> float:
    """How far the shirt must hang below its usual height so that the chin stays out of it, m."""
    chin = skin_landmarks(body, body.rest)[_CHIN] - body.brow_centre
    # The edge's height under the chin, see `cloth.collar`.
    edge = -0.176 + 0.45 * (float(chin[1]) - 0.045) + (0.030 if look.cloth == "high" else 0.0)
    # Below this height it is the distance from the neck that counts, and a chin stands far out.
    return max(0.0, max(edge, -0.125) + _UNDER_CHIN_M - float(chin[2]))


def _array(values: NDArray[Any], kind: Any) -> Any:  # noqa: ANN401 - Warp carries no types
    """A Warp array over the same memory where it can be."""
    import warp as wp

    return wp.from_numpy(np.ascontiguousarray(values), dtype=kind, device="cpu")


def _frame(body: Body) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Measures from between the eyes, m: (half the face's width, chin's height, hairline's height), mouth corner."""
    places = np.array([[0.846, MIRROR_V + 0.095], [0.944, MIRROR_V], [0.778, MIRROR_V], [0.909, MIRROR_V + 0.0205]])
    nearest = [int(((body.uv - place) ** 2).sum(1).argmin()) for place in places]
    corner_of = np.zeros(len(body.uv), np.int32)
    corner_of[body.uv_faces.ravel()] = body.faces.ravel()
    side, chin, crown, mouth = (body.rest[corner_of[nearest]] - body.brow_centre).astype(float)
    return (abs(side[0]), chin[2], crown[2]), (abs(mouth[0]), mouth[1], mouth[2])


def _part_albedo(look: Look) -> Floats:
    """(3, 3) float32: mouth, tongue, socket."""
    if look.material == "porcelain":
        return np.array([[0.20, 0.03, 0.04], [0.55, 0.10, 0.11], [0.62, 0.58, 0.55]], np.float32)
    if look.material == "android":
        return np.array([[0.03, 0.03, 0.035], [0.16, 0.15, 0.16], [0.10, 0.10, 0.11]], np.float32)
    rim = skin_tone(look) * 0.5 + np.array([0.16, 0.07, 0.06])
    return np.array([[0.24, 0.05, 0.05], [0.36, 0.12, 0.11], rim], np.float32)
