"""The fold of the population: an hour is published once every partition has closed it."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.records import PopulationPartial
from streams.pipeline.learned import HourDelta
from streams.pipeline.population import HOURS_AHEAD, MOST_EMPTY, PopulationFold


def partial(partition: int, hour: int, launches: int = 0) -> PopulationPartial:
    body = HourDelta(launches=launches).to_bytes() if launches else b""
    return PopulationPartial(partition=partition, hour=hour, source_offset=0, body=body)


def test_an_hour_waits_for_the_last_partition() -> None:
    fold = PopulationFold.empty(2)
    assert fold.apply(partial(0, 7, 3)) == []
    (output,) = fold.apply(partial(1, 7, 4))
    assert (output.record.hour, HourDelta.from_bytes(output.record.body).launches) == (7, 7)


def test_a_partition_that_is_further_has_closed_the_hours_before() -> None:
    fold = PopulationFold.empty(2)
    fold.apply(partial(0, 7, 3))
    outputs = fold.apply(partial(1, 9))
    assert [o.record.hour for o in outputs] == [7]


def test_a_repeat_is_published_once() -> None:
    fold = PopulationFold.empty(1)
    assert len(fold.apply(partial(0, 7, 3))) == 1
    assert fold.apply(partial(0, 7, 3)) == []


def test_the_total_of_the_next_day_is_forecast() -> None:
    fold = PopulationFold.empty(1)
    outputs = [fold.apply(partial(0, hour, 5)) for hour in range(1, 30)]
    expected = outputs[-1][0].record.expected_launches
    assert len(expected) == HOURS_AHEAD
    assert all(abs(value - 5.0) < 1e-6 for value in expected)


def test_the_state_goes_on_where_it_was_saved() -> None:
    fold = PopulationFold.empty(2)
    fold.apply(partial(0, 7, 3))
    again = PopulationFold.from_bytes(fold.to_bytes(), 2)
    assert again.apply(partial(1, 7, 4)) == fold.apply(partial(1, 7, 4))


def test_a_body_that_is_none_never_enters_the_state() -> None:
    fold = PopulationFold.empty(1)
    bad = PopulationPartial(partition=0, hour=7, source_offset=0, body=b"\xc1")
    with pytest.raises(ValueError, match="statistics"):
        fold.apply(bad)
    assert fold.closed == {}


def test_hours_without_launches_are_published_empty_so_that_nobody_waits_for_them() -> None:
    fold = PopulationFold.empty(1)
    assert fold.apply(partial(0, 7)) == [], "nothing begins before the first launch"
    fold.apply(partial(0, 8, 3))
    outputs = fold.apply(partial(0, 10))
    assert [(o.record.hour, o.record.body) for o in outputs] == [(9, b""), (10, b"")]


def test_years_without_a_launch_are_not_published_hour_by_hour() -> None:
    fold = PopulationFold.empty(1)
    fold.apply(partial(0, 8, 3))
    years = fold.apply(partial(0, 100_000)) + fold.apply(partial(0, 100_001))
    assert [o.record.hour for o in years] == list(range(9, 9 + MOST_EMPTY))
    (next_launch,) = fold.apply(partial(0, 100_002, 1))
    assert next_launch.record.hour == 100_002


@given(seed=st.integers(0, 2**32 - 1))
def test_which_hours_are_published_does_not_depend_on_who_spoke_when(seed: int) -> None:
    chance = random.Random(seed)
    said = [
        [partial(p, h, chance.choice([0, 0, 0, 2])) for h in range(5 + chance.randrange(3), 90)]
        for p in range(3)
    ]
    in_turn = sorted((one for mine in said for one in mine), key=lambda one: one.hour)
    queues, any_order = [list(mine) for mine in said], []
    while any(queues):
        any_order.append(chance.choice([queue for queue in queues if queue]).pop(0))
    first, second = PopulationFold.empty(3), PopulationFold.empty(3)
    told = [output.record for one in in_turn for output in first.apply(one)]
    assert told == [output.record for one in any_order for output in second.apply(one)]
