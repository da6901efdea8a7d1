"""What users' profiles let expect of an hour is a function of event time."""

from types import SimpleNamespace

import numpy as np

from schemas.records import DemandObserved
from schemas.topics import DEMAND_OBSERVED, FORECASTS_DEMAND
from streams.models.demand.expectation import mean_of
from streams.pipeline.closing import EXACT, expected_by_pool
from streams.pipeline.pool_minutes import PoolMinutes
from streams.pipeline.user import User
from streams.runtime.newest_store import ranked
from streams.runtime.state_tables import StateTable, UserTable
from tests.testkit.crashing import Store
from tests.testkit.office import HOUR_MS, START_MS, WAYS, activities, log_of, played


def observed(run) -> dict[tuple[str, int], float]:
    """Expected launches by pool and hour, over all partitions."""
    total: dict[tuple[str, int], float] = {}
    for record in run.records(DEMAND_OBSERVED):
        if record.expected_launches:
            key = record.pool, record.closed_through // HOUR_MS
            total[key] = total.get(key, 0.0) + record.expected_launches
    return total


def test_it_is_the_same_to_the_bit_however_users_are_spread():
    rows = activities(11, 400, hours=9.0, users=12)
    one, four = (observed(played(log_of(rows, n), n)) for n in (1, 4))
    assert one == four
    assert len(one) >= 12
    assert all((value * EXACT).is_integer() for value in one.values())


def test_reading_users_back_does_not_show():
    messages = log_of(activities(12, 300, hours=9.0), 2)
    assert observed(played(messages, 2)) == observed(played(messages, 2, reloaded=True))


def test_a_glance_at_saved_users_expects_what_their_whole_state_does(monkeypatch):
    run = played(log_of(activities(13, 400, hours=9.0, users=12), 1), 1)
    kept = [(n.encode(), ranked(1, u.to_bytes())) for n, u in run.users[0].decoded.items()]
    hostile = (b"eve", ranked(1, b"no state"))
    store = SimpleNamespace(data=Store([*kept, hostile]), changelog_topic_name="c")
    table = UserTable(StateTable(store, None), 0)
    assert len(list(table.scan())) == len(kept) >= 12
    table.names().add("eve")
    monkeypatch.setattr(User, "from_bytes", None)  # nobody is decoded whole
    hours = range(START_MS // HOUR_MS + 4, START_MS // HOUR_MS + 14)
    expected = [
        [expected_by_pool(u, h, run.versions.at(h * HOUR_MS), WAYS) for h in hours]
        for u in (table, run.users[0])
    ]
    assert expected[0] == expected[1]
    assert any(expected[0])


def test_a_pool_adds_up_what_its_partitions_expect_once():
    minutes = PoolMinutes(2, 0, {})
    hour = START_MS // HOUR_MS

    def tell(partition: int, expected: float) -> bool:
        return minutes.tell(
            DemandObserved(
                pool="p",
                source_partition=partition,
                source_offset=0,
                closed_through=hour * HOUR_MS,
                minutes=[],
                expected_launches=expected,
            )
        )

    assert tell(0, 1.5)
    assert not tell(0, 1.5)
    assert tell(1, 2.0)
    assert minutes.expected_of(hour) == 3.5
    assert minutes.expected_of(hour + 1) == 0.0


def test_the_next_hour_by_minute_adds_up_to_what_is_expected_of_it():
    """At an hour's start the minutes are lifted to the hour that users and pool let expect."""
    run = played(log_of(activities(13, 500, hours=14.0, users=6), 1), 1)
    told = run.records(FORECASTS_DEMAND)
    hours = {f.made_at: f for f in told if key_of(f) == ("HOUR", "default")}
    days = {f.made_at: f for f in told if key_of(f) == ("DAY", "default")}
    both = [at for at in hours if at in days and at >= START_MS + 6 * HOUR_MS]
    assert len(both) >= 6
    for at in both:
        minutes = sum(float(mean_of_step(step)) for step in hours[at].steps)
        assert abs(minutes - days[at].steps[0].quantiles[3]) < 0.5 * minutes


def key_of(forecast) -> tuple[str, str]:
    return (forecast.horizon, forecast.pool) if forecast.resource == "INSTANCES" else ("", "")


def mean_of_step(step) -> float:
    return float(mean_of(np.array(step.quantiles)))
