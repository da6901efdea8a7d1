"""A user's own corrections move at once, stay bounded, and come back to the bit."""

import numpy as np
import pytest

from streams.models.programs import Population, PopulationDelta, UserPrograms, observe
from streams.models.programs.biases import (
    CAREFUL_RATE,
    KEYS,
    MOST,
    PLACES,
    QUICK_RATE,
    correct,
    packed,
    places_of,
    unpacked,
)


def two_places() -> np.ndarray:
    """Where the corrections of two candidates are."""
    return places_of(np.array([101, 202], np.int64), np.array([1, 4], np.int64), 7, 8, 2, 3)


def test_a_correction_raises_what_came_and_lowers_what_was_expected() -> None:
    table = np.zeros(PLACES, np.int16)
    places = two_places()
    correct(table, places, np.array([0.2, 0.8]), 0, CAREFUL_RATE)
    assert (table[places[0]] > 0).all()
    assert (table[places[1]] < 0).all()


def test_each_of_what_a_correction_depends_on_has_a_key_of_its_own() -> None:
    name, recency = np.array([101], np.int64), np.array([1], np.int64)
    base = places_of(name, recency, 7, 8, 2, 3)[0]
    changed = [
        places_of(name, recency + 1, 7, 8, 2, 3)[0], places_of(name, recency, 9, 8, 2, 3)[0],
        places_of(name, recency, 7, 9, 2, 3)[0], places_of(name, recency, 7, 8, 4, 3)[0],
        places_of(name, recency, 7, 8, 2, 5)[0],
    ]  # fmt: skip
    assert [int((other != base).sum()) for other in changed] == [1, 5, 3, 2, 2]
    assert len(base) == KEYS


def test_corrections_stay_bounded_however_often_they_move() -> None:
    table = np.zeros(PLACES, np.int16)
    places = two_places()
    for _ in range(2_000):
        correct(table, places, np.array([0.0, 1.0]), 0, QUICK_RATE)
    assert table.max() == MOST
    assert table.min() == -MOST


def test_corrections_take_what_they_need_and_come_back_to_the_bit() -> None:
    table = np.zeros(PLACES, np.int16)
    assert packed(table) == b""
    table[[0, 5, PLACES - 1]] = [-3, MOST, 17]
    assert len(packed(table)) == PLACES // 8 + 6
    assert (unpacked(packed(table)) == table).all()
    assert not unpacked(b"").any()


@pytest.mark.parametrize(
    "broken", [b"\0", b"\x80" + b"\0" * (PLACES // 8 - 1) + b"\0\0", b"\xff" * (PLACES // 8 + 2)]
)
def test_broken_corrections_are_refused(broken: bytes) -> None:
    with pytest.raises(ValueError, match="corrections"):
        unpacked(broken)


def test_a_user_expects_at_once_what_came_against_expectation() -> None:
    user, population, delta = UserPrograms(), Population.empty(), PopulationDelta()
    for k in range(40):
        observe(user, population, delta, "vim" if k % 2 else "make", 60.0 * k)
    assert user.biases.any()
    assert np.count_nonzero(user.quick) > np.count_nonzero(user.biases)
    restored = UserPrograms.from_bytes(user.to_bytes())
    assert (restored.biases == user.biases).all()
    one = observe(user, population, delta, "make", 2460.0)
    other = observe(restored, population, PopulationDelta(), "make", 2460.0)
    assert one == other
