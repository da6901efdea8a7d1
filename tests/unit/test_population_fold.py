"""The fold of the population: an hour is published once every partition has closed it."""

import pytest

from schemas.records import PopulationPartial
from streams.pipeline.learned import HourDelta
from streams.pipeline.population import HOURS_AHEAD, PopulationFold


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
    (output,) = fold.apply(partial(1, 9))
    assert output.record.hour == 7


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
