"""What a partition says when minutes and hours are over."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from schemas.records import DemandObserved, MinuteDemand, PopulationPartial
from schemas.topics import DEMAND_OBSERVED, POPULATION_PARTIALS, PROFILES_USERS
from streams.pipeline.activity import Ways
from streams.pipeline.eventtime import HOUR_MS, MINUTE_MS
from streams.pipeline.learned import HourDelta, Learned
from streams.pipeline.level import Change, Level, minute_demand
from streams.pipeline.outputs import Output
from streams.pipeline.readable_profile import readable_profile
from streams.pipeline.user import User

# A readable profile takes 10 ms to write: it is renewed at these hours, for who was active since.
PROFILE_HOURS = 6


class Users(Protocol):
    """Where a partition's users are kept."""

    def get(self, name: str) -> User | None:
        """Return a user's state."""

    def names(self) -> Iterable[str]:
        """Return the names of all users of the partition, in any order."""


def changes(
    users: Users, by_minute: Mapping[int, set[str]], minutes: Iterable[int]
) -> dict[str, dict[int, Change]]:
    """Add up, by pool and minute, what all users changed in the given minutes."""
    wanted = set(minutes)
    total: dict[str, dict[int, Change]] = {}
    for name in set().union(*(by_minute[minute] for minute in wanted)):
        user = users.get(name)
        for (pool, minute), change in user.open_minutes.items() if user else ():
            if minute in wanted:
                known = total.setdefault(pool, {})
                known[minute] = change.plus(known[minute]) if minute in known else change
    return total


def demand_of_pool(
    before: Level, changed: Mapping[int, Change]
) -> tuple[list[MinuteDemand], Level]:
    """Return the changed minutes of a pool in order, and the level after them."""
    minutes = []
    level = before
    for minute in sorted(changed):
        minutes.append(minute_demand(minute, level, changed[minute]))
        level = level.plus(changed[minute].after)
    return minutes, level


def demand_output(
    pool: str, partition: int, offset: int, through: int, minutes: list[MinuteDemand],
    expected_launches: float,
) -> Output:  # fmt: skip
    """Return the demand of one pool up to a minute, as this partition saw it."""
    record = DemandObserved(
        pool=pool,
        source_partition=partition,
        source_offset=offset,
        closed_through=through * MINUTE_MS,
        minutes=minutes,
        expected_launches=expected_launches,
    )
    return Output(DEMAND_OBSERVED, pool, record)


def partial_outputs(
    users: Users, by_hour: Mapping[int, set[str]], partition: int, offset: int, last_hour: int
) -> list[Output]:
    """Return what was learnt in the closed hours; the last is said even when it was empty."""
    hours = sorted(hour for hour in by_hour if hour <= last_hour)
    outputs = [_partial(partition, offset, h, _merged(users, by_hour[h], h)) for h in hours]
    if not hours or hours[-1] != last_hour:
        outputs.append(_partial(partition, offset, last_hour, b""))
    return outputs


def _merged(users: Users, names: set[str], hour: int) -> bytes:
    total = HourDelta()
    for name in names:  # sums of integers: the order of users does not matter
        user = users.get(name)
        if user is not None and hour in user.open_hours:
            total.merge(user.open_hours[hour])
    return total.to_bytes()


def _partial(partition: int, offset: int, hour: int, body: bytes) -> Output:
    record = PopulationPartial(partition=partition, hour=hour, source_offset=offset, body=body)
    return Output(POPULATION_PARTIALS, str(partition), record)


def profile_outputs(users: Users, learned: Learned, now_ms: int, ways: Ways) -> list[Output]:
    """Return the readable profiles of users who were active in the hours up to a mark."""
    outputs = []
    for name in sorted(users.names()):
        user = users.get(name)
        if user is not None and user.clock_ms >= now_ms - PROFILE_HOURS * HOUR_MS:
            record = readable_profile(name, user, learned, now_ms, ways)
            outputs.append(Output(PROFILES_USERS, name, record))
    return outputs


def expected_by_pool(users: Users, now_ms: int, learned: Learned, ways: Ways) -> dict[str, float]:
    """Return the launches that all users together are expected to make in the next hour, by pool.

    A user's launches are spread over pools as they have been so far: O(1) a user.
    """
    total: dict[str, float] = {}
    for name in sorted(users.names()):
        user = users.get(name)
        if user is None or not user.launches:
            continue
        expected = user.cycles.expected_next_hour(now_ms / 1000, ways.zone, learned.rates)
        for pool, launches in user.pools.items():
            total[pool] = total.get(pool, 0.0) + expected * launches / user.launches
    return total
