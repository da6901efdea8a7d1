"""Groups of users: who is in which, what a partition counts of each, and what is told of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

import msgspec

from schemas.records import GroupProfile, GroupSequence
from schemas.topics import PROFILES_GROUPS
from streams.models.groups import GroupCounts, group_rules
from streams.pipeline.eventtime import HOUR_MS
from streams.pipeline.outputs import Output
from streams.pipeline.user import User

EVERYBODY = "all"
# A week: who was not active then does not count, so that what is told is what people do now.
ACTIVE_MS = 7 * 24 * HOUR_MS
DAY_HOURS = 24
SEQUENCES_SHOWN = 24

_decoder = msgspec.msgpack.Decoder(dict[str, bytes])


def everybody(user: str) -> tuple[str, ...]:
    """Return the one group that there is where none is configured."""
    del user
    return (EVERYBODY,)


def by_patterns(patterns: Mapping[str, Sequence[str]]) -> Callable[[str], tuple[str, ...]]:
    """Return what gives a user's groups: everybody's, and each with a pattern that fits the id.

    Examples
    --------
    >>> groups_of = by_patterns({"build": ["ci-*", "robot"]})
    >>> groups_of("ci-7"), groups_of("ada")
    (('all', 'build'), ('all',))
    """

    def groups_of(user: str) -> tuple[str, ...]:
        fitting = (
            name
            for name, globs in patterns.items()
            if any(fnmatchcase(user, glob) for glob in globs)
        )
        return (EVERYBODY, *fitting)

    return groups_of


def counted(
    users: Iterable[tuple[str, User]], now_ms: int, groups_of: Callable[[str], tuple[str, ...]]
) -> bytes:
    """Return the counts of each group over a partition's users who were active in the week."""
    counts: dict[str, GroupCounts] = {}
    for name, user in users:
        if user.launches and user.clock_ms >= now_ms - ACTIVE_MS:
            own = GroupCounts()
            own.add(user.programs)
            for group in groups_of(name):
                counts.setdefault(group, GroupCounts()).merge(own)
    return msgspec.msgpack.encode({group: c.to_bytes() for group, c in sorted(counts.items())})


def unpacked(body: bytes) -> dict[str, GroupCounts]:
    """Return the counts of each group; raises ValueError for bytes that are none."""
    try:
        return {group: GroupCounts.from_bytes(d) for group, d in _decoder.decode(body).items()}
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"no counts of groups: {error}") from error


def group_outputs(bodies: Iterable[bytes], day: int, floor: int) -> list[Output]:
    """Return what the partitions' counts of a day say of each group."""
    total: dict[str, GroupCounts] = {}
    for body in bodies:
        for group, counts in unpacked(body).items():
            total.setdefault(group, GroupCounts()).merge(counts)
    return [_output(group, counts, day, floor) for group, counts in sorted(total.items())]


def _output(group: str, counts: GroupCounts, day: int, floor: int) -> Output:
    record = GroupProfile(
        group=group,
        updated_at=day * DAY_HOURS * HOUR_MS,
        floor=floor,
        users=counts.users if counts.users >= floor else None,
        sequences=[
            GroupSequence(
                first=rule.first, then=rule.then, window_s=round(rule.window_s),
                probability=rule.probability, low=rule.low, high=rule.high, support=rule.support,
                users=rule.users,
            )
            for rule in group_rules(counts, floor)[:SEQUENCES_SHOWN]
        ],
    )  # fmt: skip
    return Output(PROFILES_GROUPS, group, record)
