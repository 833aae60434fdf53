"""Head hair in every style of `look.HairStyle`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mien.engines.cast.body.anatomy import Body
from mien.engines.cast.parts.hair.curls import afro, coils
from mien.engines.cast.parts.hair.drawn import ponytail, tied
from mien.engines.cast.parts.hair.hanging import bob, long, wavy
from mien.engines.cast.parts.hair.head import Head, head_of
from mien.engines.cast.parts.hair.short import buzz, crop, fringe, swept
from mien.engines.cast.parts.piece import Piece
from mien.engines.cast.recipe import Recipe

_STYLES: Mapping[str, Callable[[Head], list[Piece]]] = {
    "buzz": buzz, "crop": crop, "coils": coils, "afro": afro, "swept": swept, "fringe": fringe,
    "bob": bob, "long": long, "wavy": wavy, "tied": tied, "ponytail": ponytail,
}  # fmt: skip


def grow_hair(body: Body, recipe: Recipe) -> list[Piece]:
    """The hair of one person; a shaved head has none (the skin's tint shows where it would grow).

    Args:
        body: at rest.
        recipe: gives the style, the colours and the seed.

    """
    style = recipe.look.hair_style
    return [] if style == "shaved" else _STYLES[style](head_of(body, recipe))
