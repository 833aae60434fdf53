"""The people who ship: five personas, the driver of the demonstration clip, and who stands in docs' close-ups.

None of them exists. Their looks were chosen by hand; everything else is drawn from the seed. amara's seed is one under
which the instant engine holds still (`benchmarks/stillness.py`): she is who a new user becomes.
"""

from __future__ import annotations

from mien.engines.cast.look import Look
from mien.engines.cast.recipe import Recipe

AMARA = Recipe(
    name="amara", seed=149,
    look=Look(
        gender=0.0, age=0.1, weight=0.46, muscle=0.45, african=0.68, asian=0.06, melanin=0.72, redness=0.1,
        undertone=0.6, asymmetry=0.25, lines=0.05, moles=0.15, hair_style="afro", hair_melanin=0.92, brow_weight=0.5,
        lash_weight=0.75, lipstick=0.1, lip_rgb=(0.30, 0.05, 0.06), iris_rgb=(0.07, 0.034, 0.018),
        cloth="crew", cloth_rgb=(0.42, 0.24, 0.07), backdrop="room", backdrop_rgb=(0.20, 0.26, 0.27),
    ),
)  # fmt: skip
VIGGO = Recipe(
    name="viggo", seed=208,
    look=Look(
        gender=0.95, age=0.55, weight=0.5, muscle=0.55, african=0.0, asian=0.0, melanin=0.16, redness=0.5,
        undertone=0.45, asymmetry=0.3, lines=0.35, moles=0.2, freckles=0.15, hair_style="swept", hair_melanin=0.5,
        hair_grey=0.7, brow_weight=0.6, stubble=0.35, iris_rgb=(0.08, 0.13, 0.18), cloth="vee",
        cloth_rgb=(0.05, 0.09, 0.16), backdrop="shelves", backdrop_rgb=(0.30, 0.27, 0.22),
    ),
)  # fmt: skip
LINH = Recipe(
    name="linh", seed=317,
    look=Look(
        gender=0.05, age=0.12, weight=0.42, muscle=0.4, african=0.0, asian=0.9, melanin=0.26, redness=0.3,
        undertone=0.45, asymmetry=0.2, lines=0.05, hair_style="bob", hair_melanin=0.97, brow_weight=0.45,
        lash_weight=0.6, lipstick=0.3, blush=0.2, iris_rgb=(0.05, 0.026, 0.015), cloth="high",
        cloth_rgb=(0.12, 0.06, 0.14), backdrop="bokeh", backdrop_rgb=(0.20, 0.16, 0.20),
    ),
)  # fmt: skip
MATEO = Recipe(
    name="mateo", seed=417,
    look=Look(
        gender=0.95, age=0.25, weight=0.5, muscle=0.6, african=0.1, asian=0.25, melanin=0.44, redness=0.35,
        undertone=0.6, asymmetry=0.3, lines=0.15, moles=0.2, hair_style="crop", hair_melanin=0.9, brow_weight=0.7,
        beard="short", iris_rgb=(0.06, 0.03, 0.018), cloth="crew", cloth_rgb=(0.06, 0.14, 0.11),
        backdrop="gradient", backdrop_rgb=(0.22, 0.20, 0.17),
    ),
)  # fmt: skip
OPAL = Recipe(
    name="opal", seed=523,
    look=Look(
        gender=0.3, age=0.1, weight=0.42, muscle=0.4, african=0.1, asian=0.3, melanin=0.0, redness=0.0,
        asymmetry=0.0, lines=0.0, hair_style="shaved", hair_melanin=0.6, brow_weight=0.3, lash_weight=0.6,
        material="porcelain", iris_rgb=(0.10, 0.17, 0.24), cloth="high", cloth_rgb=(0.05, 0.07, 0.16),
        backdrop="plain", backdrop_rgb=(0.16, 0.19, 0.26),
    ),
)  # fmt: skip
DRIVER = Recipe(
    name="driver", seed=619,
    look=Look(
        gender=0.1, age=0.22, weight=0.45, muscle=0.45, african=0.05, asian=0.1, melanin=0.3, redness=0.4,
        undertone=0.5, asymmetry=0.3, freckles=0.35, lines=0.12, hair_style="tied", hair_melanin=0.55, hair_red=0.35,
        brow_weight=0.5, lash_weight=0.55, iris_rgb=(0.11, 0.15, 0.08), cloth="crew", cloth_rgb=(0.10, 0.20, 0.19),
        backdrop="room", backdrop_rgb=(0.30, 0.28, 0.25),
    ),
)  # fmt: skip
PERSONAS: tuple[Recipe, ...] = (AMARA, VIGGO, LINH, MATEO, OPAL)

#: What the driver says: about 16 seconds of English, every mouth shape in it.
DRIVER_SCRIPT = (
    "Hello, and welcome. I was never born: someone wrote a number, and out came my face. "
    "Watch how I move my mouth. Pop, five thin feathers, you and who, cheese. "
    "Now I look left, and right, I smile, and I blink. That is all. Goodbye!"
)
#: docs' close-ups: what each does.
CLOSE_UPS: tuple[tuple[Recipe, dict[str, float], float], ...] = (
    (AMARA, {"mouthSmileLeft": 0.8, "mouthSmileRight": 0.75, "mouthUpperUpLeft": 0.6, "mouthUpperUpRight": 0.6,
             "jawOpen": 0.18, "cheekSquintLeft": 0.5, "cheekSquintRight": 0.5}, -14.0),
    (VIGGO, {"browInnerUp": 0.7, "browOuterUpLeft": 0.5}, 8.0),
    (MATEO, {"eyeBlinkLeft": 1.0, "mouthSmileLeft": 0.6, "mouthSmileRight": 0.4, "browDownLeft": 0.3}, 18.0),
)  # fmt: skip
