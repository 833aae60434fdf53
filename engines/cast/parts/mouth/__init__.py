"""Teeth and gums, which MakeHuman's mesh lacks: two arches of modelled teeth, the lower one on the jaw."""

from mien.engines.cast.parts.mouth.teeth import Teeth, build_teeth, fit_tongue

__all__ = ["Teeth", "build_teeth", "fit_tongue"]
