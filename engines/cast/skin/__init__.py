"""Skin and shirt of a person: tones, spots, lines and make-up, painted once into texture maps."""

from mien.engines.cast.skin.maps import Skin, build_skin, crease_weights

__all__ = ["Skin", "build_skin", "crease_weights"]
