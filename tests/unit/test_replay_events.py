"""The events of a recording: merged in order of time, the same each time."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streams.collect.events import RESAMPLE_MS, Event, merged_events
from streams.collect.rows import Rows

UNKNOWN = math.nan
Row = tuple[int, str, str, float, float, float]  # s, user, program, run_s, wait_s, cores


def rows(*table: Row, value: list[float] | None = None) -> Rows:
    table = tuple(sorted(table, key=lambda row: row[0]))
    column = [np.array([row[k] for row in table], np.float64) for k in (3, 4, 5)]
    unknown = np.full(len(table), UNKNOWN)
    return Rows(
        np.arange(len(table)),
        np.array([row[0] * 1000 for row in table], np.int64),
        [row[1] for row in table],
        [row[2] for row in table],
        *column,
        unknown,
        unknown if value is None else np.array(value),
        value is not None,
        (),
    )


def story(events: list[Event]) -> list[tuple[int, str, float | None]]:
    return [(e.activity.time, e.activity.kind, e.activity.cpu_cores) for e in events]


def test_a_run_is_launched_waited_for_measured_and_ended() -> None:
    assert story(list(merged_events(rows((0, "u", "p", 10.0, 2.0, 4.0))))) == [
        (0, "LAUNCH", None),
        (2_000, "WAIT", None),
        (2_000, "SAMPLE", 4.0),
        (12_000, "EXIT", None),
    ]


def test_runs_at_once_are_stated_together_and_what_is_left_after_an_exit() -> None:
    events = merged_events(
        rows((0, "u", "p", 10.0, UNKNOWN, 4.0), (5, "u", "p", 10.0, UNKNOWN, 2.0))
    )
    assert [entry for entry in story(list(events)) if entry[1] != "LAUNCH"] == [
        (0, "SAMPLE", 4.0),
        (5_000, "SAMPLE", 6.0),
        (10_000, "EXIT", None),
        (10_000, "SAMPLE", 2.0),
        (15_000, "EXIT", None),
    ]


def test_a_long_run_is_stated_again_before_the_pipeline_forgets_it() -> None:
    events = story(list(merged_events(rows((0, "u", "p", 100_000.0, UNKNOWN, 1.0)))))
    samples = [time for time, kind, _ in events if kind == "SAMPLE"]
    assert samples == [0, RESAMPLE_MS, 2 * RESAMPLE_MS]


def test_runs_without_a_known_end_do_not_add_up_for_ever() -> None:
    table = [(n, "u", "p", UNKNOWN, UNKNOWN, 3.0) for n in range(5)]
    assert {cores for _, kind, cores in story(list(merged_events(rows(*table)))) if cores} == {3.0}


def test_an_exit_comes_before_a_launch_of_the_same_moment() -> None:
    table = rows((0, "u", "p", 5.0, UNKNOWN, UNKNOWN), (5, "u", "q", UNKNOWN, UNKNOWN, UNKNOWN))
    assert [e.activity.kind for e in merged_events(table)] == ["LAUNCH", "EXIT", "LAUNCH"]


def test_a_series_is_one_sample_a_row_and_none_where_it_has_no_value() -> None:
    table = [(n, "series", "series", UNKNOWN, UNKNOWN, UNKNOWN) for n in range(3)]
    events = list(merged_events(rows(*table, value=[1.5, UNKNOWN, 2.0]), "NETWORK"))
    assert [(e.activity.time, e.activity.network_bytes_per_s) for e in events] == [
        (0, 1.5),
        (2_000, 2.0),
    ]


seconds = st.one_of(st.just(UNKNOWN), st.integers(0, 200_000).map(float))
table_rows = st.tuples(
    st.integers(0, 100_000),
    st.sampled_from("uv"),
    st.sampled_from("pq"),
    seconds,
    seconds,
    st.one_of(st.just(UNKNOWN), st.integers(1, 64).map(float)),
)


@given(st.lists(table_rows, max_size=25))
def test_events_are_in_order_numbered_in_sequence_and_end_with_nothing_held(table) -> None:
    events = list(merged_events(rows(*table)))
    times = [event.activity.time for event in events]
    assert times == sorted(times)
    assert [event.activity.seq for event in events] == list(range(len(events)))
    kinds = [event.activity.kind for event in events]
    assert kinds.count("LAUNCH") == len(table)
    assert kinds.count("EXIT") == sum(not math.isnan(row[3]) for row in table)
    assert events == list(merged_events(rows(*table)))
