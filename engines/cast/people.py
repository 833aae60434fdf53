"""The people who ship: two personas and the driver of the demonstration clip. None of them exists."""

from __future__ import annotations

from mien.engines.cast.recipe import Look, Recipe

AMARA = Recipe(
    name="amara", seed=109, size=768,
    look=Look(
        gender=0.0, age=0.08, weight=0.46, muscle=0.45, african=0.62, asian=0.06, melanin=0.72, redness=0.35,
        hair_style="coils", hair_melanin=0.92, hair_grey=0.0, brow_weight=0.45, stubble=0.0,
        iris_rgb=(0.07, 0.034, 0.018), cloth_rgb=(0.36, 0.21, 0.07), backdrop_rgb=(0.20, 0.24, 0.25),
    ),
)  # fmt: skip
VIGGO = Recipe(
    name="viggo", seed=208, size=768,
    look=Look(
        gender=0.95, age=0.6, weight=0.52, muscle=0.55, african=0.0, asian=0.0, melanin=0.12, redness=0.55,
        hair_style="swept", hair_melanin=0.5, hair_grey=0.75, brow_weight=0.6, stubble=0.35,
        iris_rgb=(0.08, 0.13, 0.18), cloth_rgb=(0.05, 0.09, 0.16), backdrop_rgb=(0.26, 0.23, 0.19),
    ),
)  # fmt: skip
DRIVER = Recipe(
    name="driver", seed=308, size=768,
    look=Look(
        gender=0.05, age=0.12, weight=0.45, muscle=0.45, african=0.0, asian=0.85, melanin=0.3, redness=0.35,
        hair_style="tied", hair_melanin=0.95, hair_grey=0.0, brow_weight=0.4, stubble=0.0,
        iris_rgb=(0.05, 0.026, 0.015), cloth_rgb=(0.10, 0.20, 0.19), backdrop_rgb=(0.24, 0.22, 0.20),
    ),
)  # fmt: skip
PERSONAS: tuple[Recipe, ...] = (AMARA, VIGGO)
