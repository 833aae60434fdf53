"""Who a seed gives: looks drawn so that a crowd has every adult age, both sexes and every skin tone evenly."""

from __future__ import annotations

import numpy as np

from mien.engines.cast.look import HairStyle, Look


def draw_look(seed: int) -> Look:
    """A look drawn from a seed: any adult, hair and colours that go together."""
    rng = np.random.default_rng((seed, 0x10_0C))
    melanin = float(rng.random())
    african, asian, _ = (float(share) for share in rng.dirichlet((0.3 + 1.6 * melanin**2, 0.7, 0.3 + 1.2 * (1 - melanin))))
    gender = float(np.clip(rng.choice((0.1, 0.9)) + rng.normal(0.0, 0.08), 0.0, 1.0))
    age = float(rng.uniform(0.0, 0.95))
    styles: tuple[HairStyle, ...] = ("coils",) if african > 0.5 else (("crop", "swept") if gender > 0.5 else ("tied", "swept"))
    irises = ((0.10, 0.05, 0.025), (0.06, 0.03, 0.018), (0.10, 0.17, 0.24), (0.11, 0.15, 0.08))
    return Look(
        gender=gender,
        age=age,
        weight=float(rng.uniform(0.3, 0.7)),
        muscle=float(rng.uniform(0.35, 0.65)),
        african=african,
        asian=asian,
        melanin=melanin,
        redness=float(rng.uniform(0.2, 0.6)),
        hair_style=styles[int(rng.integers(len(styles)))],
        hair_melanin=float(np.clip(0.35 + 0.65 * melanin + rng.normal(0.0, 0.2), 0.1, 1.0)),
        iris_rgb=irises[int(rng.integers(2 if melanin > 0.35 else 4))],
    )
