"""The saved state of one pool, apart from the history its forecasters are folded from."""

import msgspec

from streams.pipeline.calendar import Entry
from streams.pipeline.level import NOTHING, Level
from streams.pipeline.pool_minutes import PoolMinutes
from streams.pipeline.state_version import decoded

VERSION = 6  # 6: keeps minutes for the total; 5: combines by weekend too
OTHER_BOOKS = 4
BEFORE = {OTHER_BOOKS, 5}


class PoolState(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """One pool.

    Parameters
    ----------
    minutes
        Demand as far as told.
    first_hour
        Hour in which the series begins: that of the first change; -1 before.
    hours
        How many hours the series has.
    launches, integral
        Sums of the hour under way.
    seen
        By resource, whether there ever was any: others are not forecast.
    by_minute
        By resource, the saved forecaster of the next hour.
    residuals
        By resource, the saved detector of residuals.
    expected
        By resource, the quantiles forecast for the hour under way; empty before the first.
    calendar
        The events that forecasts know of, in the order of their starts. They are taken from
        calendar.events when the state is saved, so a message that comes again after a crash meets
        the same ones.
    next_hour
        Saved combination of the users' and the pool's expectations; empty at first.
    lift
        What the minutes of the hour under way are multiplied by, so that they add up to it.
    untold
        Values, by resource, of the minutes that the total was not told of yet.
    """

    version: int
    minutes: PoolMinutes
    first_hour: int
    hours: int
    launches: int
    integral: Level
    seen: list[bool]
    by_minute: list[bytes]
    residuals: list[bytes]
    expected: list[list[float]]
    calendar: list[Entry]
    next_hour: bytes = b""
    lift: float = 1.0
    untold: list[tuple[float, ...]] = []

    @classmethod
    def empty(cls, partitions: int, resources: int) -> "PoolState":
        """Return the state before anything was told."""
        return cls(
            VERSION, PoolMinutes(partitions, 0, {}), -1, 0, 0, NOTHING, [False] * resources,
            [b""] * resources, [b""] * resources, [[] for _ in range(resources)], [],
        )  # fmt: skip

    def to_bytes(self) -> bytes:
        """Return the state as versioned bytes."""
        return msgspec.msgpack.encode(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> "PoolState":
        """Return the state; raises ValueError for bytes that are none.

        Of a state of version 5 all is kept; of one of version 4 all but the combination of the
        users' and the pool's expectations, whose books were others: it is learnt anew, in days.
        """
        state = decoded(_decoder, data, "pool state", VERSION, BEFORE)
        if state.version == OTHER_BOOKS:
            state.next_hour = b""
        state.version = VERSION
        return state


_decoder = msgspec.msgpack.Decoder(PoolState)
