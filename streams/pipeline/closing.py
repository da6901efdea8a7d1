"""What a partition says when minutes and hours are over."""

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol
from zlib import crc32

from schemas.records import DemandObserved, MinuteDemand, PopulationPartial
from schemas.topics import DEMAND_OBSERVED, POPULATION_PARTIALS, PROFILES_USERS
from streams.pipeline.activity import Ways
from streams.pipeline.eventtime import HOUR_MS, MINUTE_MS
from streams.pipeline.learned import HourDelta, Learned
from streams.pipeline.level import Change, Level, minute_demand
from streams.pipeline.outputs import Output
from streams.pipeline.readable_profile import readable_profile
from streams.pipeline.user import Glance, User

# A readable profile takes 10 ms to write: each user's is renewed every six hours, at an hour of
# their own, so that a partition stops for a sixth of its users at a time.
PROFILE_HOURS = 6
# Expected launches are whole multiples of 1 / EXACT, whose sums don't depend on their order.
EXACT = 2**20
# Hours before an event that can still be open: more only after an outage of the collector.
MOST_EVES = 24
# Who was not active in this time has no profile renewed: nobody is expected of whom weeks are gone.
PRESENT_MS = 14 * 24 * HOUR_MS


class Users(Protocol):
    """Where a partition's users are kept."""

    def get(self, name: str) -> User | None:
        """Return a user's state."""

    def glance(self, name: str) -> User | Glance | None:
        """Return what is needed to expect a user's launches, decoded or not."""

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
    users: Users, by_hour: Mapping[int, set[str]], partition: int, offset: int, last_hour: int,
    groups: bytes | None,
) -> list[Output]:  # fmt: skip
    """Return what was learnt in the closed hours; the last is said even when it was empty.

    Counts of groups go with the last.
    """
    hours = sorted({*(hour for hour in by_hour if hour <= last_hour), last_hour})
    bodies = [_merged(users, by_hour[h], h) if h in by_hour else b"" for h in hours]
    return [
        _partial(partition, offset, h, body, groups if h == last_hour else None)
        for h, body in zip(hours, bodies, strict=True)
    ]


def _merged(users: Users, names: set[str], hour: int) -> bytes:
    total = HourDelta()
    for name in names:  # sums of integers: the order of users does not matter
        user = users.get(name)
        if user is not None and hour in user.open_hours:
            total.merge(user.open_hours[hour])
    return total.to_bytes()


def _partial(partition: int, offset: int, hour: int, body: bytes, groups: bytes | None) -> Output:
    record = PopulationPartial(
        partition=partition, hour=hour, source_offset=offset, body=body, groups=groups
    )
    return Output(POPULATION_PARTIALS, str(partition), record)


def profile_outputs(users: Users, learned: Learned, now_ms: int, ways: Ways) -> list[Output]:
    """Return the profiles that are due at an hour, of users who were active in two weeks."""
    outputs = []
    for name in sorted(users.names()):
        if not is_due(name, now_ms):
            continue
        user = users.get(name)
        if user is not None and user.clock_ms >= now_ms - PRESENT_MS:
            record = readable_profile(name, user, learned, now_ms, ways)
            outputs.append(Output(PROFILES_USERS, name, record))
    return outputs


def is_due(name: str, now_ms: int) -> bool:
    """Tell whether a user's profile is renewed at an hour: at one of six, by a hash of the id."""
    return (now_ms // HOUR_MS - crc32(name.encode())) % PROFILE_HOURS == 0


def expected_by_pool(users: Users, hour: int, learned: Learned, ways: Ways) -> dict[str, float]:
    """Return the launches that all users together are expected to make in an hour, by pool.

    What is expected of a user rests on the events before that hour alone, however late it is
    asked, and is whole in units of 1 / EXACT: sums are the same however users are spread.
    """
    total: dict[str, int] = {}
    for name in users.names():
        user = users.glance(name)
        if user is not None:
            for pool, launches in expected_of(user, hour, learned, ways).items():
                total[pool] = total.get(pool, 0) + launches
    return {pool: launches / EXACT for pool, launches in total.items()}


def expected_of(user: User | Glance, hour: int, learned: Learned, ways: Ways) -> dict[str, int]:
    """Return the launches expected of a user in an hour, by pool, in units of 1 / EXACT.

    They are spread over pools as the user's have been so far: O(1) a user.
    """
    if user.clock_ms >= hour * HOUR_MS:
        return user.eves.get(hour, {})
    if not user.launches:
        return {}
    expected = user.cycles.expected_next_hour(hour * 3600.0, ways.zone_of(user), learned.rates)
    shares = {pool: launches / user.launches for pool, launches in user.pools.items()}
    return {pool: round(EXACT * expected * share) for pool, share in shares.items()}


def remember_eves(
    user: User, first_hour: int, hour: int, learned: Callable[[int], Learned], ways: Ways
) -> None:
    """Before a user's first event in an hour, keep what was expected of it and of those skipped.

    Parameters
    ----------
    first_hour
        First hour that the partition has not closed.
    hour
        The event's.
    learned
        Gives what is learnt across users, as it applies at an event time (ms).
    """
    if not user.launches or user.clock_ms >= hour * HOUR_MS:
        return
    first = max(first_hour, user.clock_ms // HOUR_MS + 1, hour - MOST_EVES + 1)
    for skipped in range(first, hour + 1):
        user.eves[skipped] = expected_of(user, skipped, learned(skipped * HOUR_MS), ways)
