from __future__ import annotations

import pytest

from mien.realtime.config import LossSettings
from mien.realtime.presence import Absence, Presence

MS = 1_000_000


@pytest.fixture
def presence() -> Presence:
    return Presence(LossSettings())


def shown(presence: Presence, now_ms: int) -> float:
    share = presence.fade(now_ms * MS)
    presence.present(now_ms * MS)
    return share


def test_before_any_persona_there_is_only_the_slate(presence: Presence) -> None:
    assert presence.absent(0, other_face=False) is Absence.SLATE


def test_the_first_persona_comes_at_once(presence: Presence) -> None:
    presence.absent(0, other_face=False)
    assert presence.fade(33 * MS) == 1.0


def test_a_lost_face_holds_for_one_and_a_half_seconds_then_the_slate(presence: Presence) -> None:
    presence.present(0)
    assert presence.absent(33 * MS, other_face=False) is Absence.HOLD
    assert presence.absent(1500 * MS, other_face=False) is Absence.HOLD
    assert presence.absent(1501 * MS, other_face=False) is Absence.SLATE
    # A slate never falls back to a hold, whatever the times say.
    assert presence.absent(1502 * MS, other_face=False) is Absence.SLATE


def test_beside_another_face_the_hold_is_half_a_second(presence: Presence) -> None:
    presence.present(0)
    assert presence.absent(500 * MS, other_face=True) is Absence.HOLD
    assert presence.absent(501 * MS, other_face=True) is Absence.SLATE


def test_a_flickering_bystander_does_not_buy_the_longer_hold(presence: Presence) -> None:
    presence.present(0)
    assert presence.absent(100 * MS, other_face=True) is Absence.HOLD
    assert presence.absent(600 * MS, other_face=False) is Absence.SLATE


def test_the_way_back_is_a_cross_fade_within_200_ms(presence: Presence) -> None:
    presence.present(0)
    presence.absent(2000 * MS, other_face=False)
    shares = [shown(presence, 2000 + step) for step in range(0, 240, 33)]
    assert shares == sorted(shares)
    assert 0 < shares[0] < 0.5
    assert 0.4 < shares[3] < 0.6
    assert shares[-1] == 1.0
    assert presence.fade(2300 * MS) == 1.0


def test_after_a_short_hold_there_is_no_fade(presence: Presence) -> None:
    presence.present(0)
    presence.absent(500 * MS, other_face=False)
    assert presence.fade(533 * MS) == 1.0


def test_a_slate_that_was_asked_for_fades_back_too(presence: Presence) -> None:
    presence.present(0)
    presence.to_slate()
    assert presence.fade(100 * MS) < 1.0


def test_a_picture_that_was_not_shown_does_not_lengthen_the_hold(presence: Presence) -> None:
    presence.present(0)
    for now_ms in range(33, 2000, 33):
        presence.fade(now_ms * MS)
        absence = presence.absent(now_ms * MS, other_face=False)
        assert absence is (Absence.HOLD if now_ms <= 1500 else Absence.SLATE)
