"""Forgets a user: all that was learnt goes at once, what demand still needs goes with its minute.

A user's programs hold levels that demand counts on, so they end now; that change, and what the user
added to minutes still open, is all that stays: pools, minutes and integers, under the user's key.
The key itself goes once it is durable that those minutes are closed and the erasure was applied.
"""

from collections.abc import Iterator

from streams.pipeline.activity import Ways
from streams.pipeline.closing import Users
from streams.pipeline.running import end_run
from streams.pipeline.user import User


def departing(user: User, offset: int, time_ms: int, ways: Ways) -> User:
    """Return what stays of a user until the open minutes are closed.

    Parameters
    ----------
    user
        Everything that is known.
    offset
        Where the erasure stands in the partition's log.
    time_ms
        Event time at which running programs end, in a minute that is open.
    ways
        How this deployment sees events.
    """
    for program in list(user.running):
        end_run(user, program, time_ms, ways.pool_of)
    left = User(user.partition, offset, events=1, departing=True)
    left.open_minutes = dict(user.open_minutes)
    return left


class Departures:
    """The users of a partition who are being forgotten."""

    def __init__(self, users: Users) -> None:
        self._users = users
        self._names: set[str] = set()

    def add(self, name: str) -> None:
        """Watch a user who is departing."""
        self._names.add(name)

    def gone(self, durable_minute: int, durable_offset: int) -> Iterator[str]:
        """Give the users whose key can go, and watch them no more.

        Parameters
        ----------
        durable_minute
            First minute whose closing is not durable.
        durable_offset
            First offset that a restarted worker does not know to be applied: deleted earlier, a
            user would come back with a message from before the erasure.
        """
        for name in list(self._names):
            user = self._users.get(name)
            if user is None or not user.departing:  # came back since
                self._names.discard(name)
                continue
            user.drop_closed(durable_minute, durable_minute // 60)
            if not user.open_minutes and user.offset < durable_offset:
                self._names.discard(name)
                yield name
