"""Engines that are kept ready: which, how long, and who closes them."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from mien.engines.personas.library import find
from mien.engines.personas.pack import Persona
from mien.engines.registry import INSTANT
from mien.plugin.wardrobe import Engines, Wardrobe, Words, weight_mb

PLAIN: Words = (INSTANT, "swap", None)


class Piece:
    """An engine that knows whether it was closed, and on which thread."""

    def __init__(self) -> None:
        self.closed_on: list[int | None] = []

    def close(self) -> None:
        self.closed_on.append(threading.current_thread().ident)


def pieces() -> Any:
    return (Piece(), Piece())


def closed(engines: Any) -> bool:
    counts = {len(each.closed_on) for each in engines}
    assert len(counts) == 1
    assert counts <= {0, 1}
    return counts == {1}


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10.0
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


@pytest.fixture(scope="module")
def viggo() -> Persona:
    return find("viggo")


@pytest.fixture(scope="module")
def opal() -> Persona:
    return find("opal")


def worn(wardrobe: Wardrobe, persona: Persona, words: Words = PLAIN) -> Engines:
    """Worn once and taken off."""
    engines = wardrobe.put(persona, words, pieces())
    wardrobe.retire(engines)
    return engines


def test_what_was_worn_is_given_again_for_the_same_persona_and_words_alone(viggo: Persona, opal: Persona) -> None:
    wardrobe = Wardrobe()
    engines = worn(wardrobe, viggo)
    assert wardrobe.take(viggo, PLAIN) is engines
    assert wardrobe.take(opal, PLAIN) is None
    assert wardrobe.take(viggo, (INSTANT, "portrait", None)) is None
    assert wardrobe.take(viggo, (INSTANT, "swap", "it stands in")) is None
    # Loaded anew, as after a change on the disk.
    assert wardrobe.take(dataclasses.replace(viggo), PLAIN) is None
    assert not closed(engines)


def test_the_one_worn_longest_ago_goes_first_and_never_the_one_on_air(viggo: Persona, opal: Persona) -> None:
    room_mb = 2 * weight_mb(viggo, PLAIN)
    wardrobe = Wardrobe(room_mb)
    on_air = wardrobe.put(viggo, PLAIN, pieces())
    first, second = worn(wardrobe, opal), worn(wardrobe, opal, (INSTANT, "portrait", None))
    until(lambda: closed(first))
    assert not closed(second)
    # Nothing is closed on the thread that takes them off: it may be the compositor's.
    assert threading.get_ident() not in first[0].closed_on  # type: ignore[attr-defined]
    third = wardrobe.put(opal, PLAIN, pieces())
    until(lambda: closed(second))
    wardrobe.retire(on_air)
    assert wardrobe.take(viggo, PLAIN) is on_air
    assert not closed(third)


def test_who_leaves_and_comes_back_between_two_frames_stays(viggo: Persona) -> None:
    wardrobe = Wardrobe(0.0)
    engines = wardrobe.put(viggo, PLAIN, pieces())
    assert wardrobe.take(viggo, PLAIN) is engines
    wardrobe.retire(engines)
    assert wardrobe.take(viggo, PLAIN) is engines
    wardrobe.retire(engines)
    assert not closed(engines)
    wardrobe.retire(engines)
    until(lambda: closed(engines))


def test_of_two_that_were_made_at_once_one_is_worn(viggo: Persona) -> None:
    wardrobe = Wardrobe()
    first, second = pieces(), pieces()
    assert wardrobe.put(viggo, PLAIN, first) is first
    assert wardrobe.put(viggo, PLAIN, second) is first
    until(lambda: closed(second))
    assert not closed(first)


@pytest.mark.parametrize("name", ["viggo", "the place"])
def test_what_is_dropped_is_worn_by_nobody_any_more(viggo: Persona, name: str) -> None:
    wardrobe = Wardrobe()
    kept, on_air = worn(wardrobe, viggo), wardrobe.put(viggo, (INSTANT, "portrait", None), pieces())
    wardrobe.drop("opal")
    assert wardrobe.persona_at(viggo.location) is viggo
    wardrobe.drop(name.replace("the place", str(viggo.location)))
    until(lambda: closed(kept))
    assert wardrobe.take(viggo, PLAIN) is None
    assert wardrobe.take(viggo, (INSTANT, "portrait", None)) is None
    assert wardrobe.persona_at(viggo.location) is None
    assert not closed(on_air)
    wardrobe.retire(on_air)
    until(lambda: closed(on_air))


def test_a_pack_that_was_loaded_anew_takes_the_place_of_the_old_one(viggo: Persona) -> None:
    wardrobe = Wardrobe()
    old = worn(wardrobe, viggo)
    again = dataclasses.replace(viggo)
    wardrobe.put(again, PLAIN, pieces())
    until(lambda: closed(old))
    assert wardrobe.persona_at(viggo.location) is again


def test_at_the_end_all_is_closed_and_what_is_on_air_when_it_is_taken_off(viggo: Persona, opal: Persona) -> None:
    wardrobe = Wardrobe()
    kept, on_air = worn(wardrobe, viggo), wardrobe.put(opal, PLAIN, pieces())
    wardrobe.close()
    assert (closed(kept), closed(on_air)) == (True, False)
    wardrobe.retire(on_air)
    assert closed(on_air)
    late = wardrobe.put(viggo, PLAIN, pieces())
    wardrobe.retire(late)
    assert closed(late)


def test_a_network_weighs_by_its_files() -> None:
    amara = find("amara")
    assert amara.networks is not None
    files = len(amara.networks.encoder) + sum(map(len, amara.networks.decoders.values()))
    assert weight_mb(amara, PLAIN) == weight_mb(amara, ("auto", "portrait", None)) == 20.0
    assert weight_mb(amara, ("auto", "swap", None)) == pytest.approx(20.0 + files / 1e5)
