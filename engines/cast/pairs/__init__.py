"""Pairs for training and for measuring: a driver and a persona under exactly the same code, with all ground truth."""

from __future__ import annotations

from mien.engines.cast.pairs.make import PairsPlan, make_pairs
from mien.engines.cast.pairs.record import Pair
from mien.engines.cast.pairs.shard import read_pairs, read_shard

__all__ = ["Pair", "PairsPlan", "make_pairs", "read_pairs", "read_shard"]
