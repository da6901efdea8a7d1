"""The saved state of the total over pools, apart from its history."""

import msgspec

from streams.pipeline.pool_minutes import MARK_MINUTES
from streams.pipeline.resources import RESOURCES
from streams.pipeline.state_version import decoded

VERSION, BEFORE = 3, {1, 2}  # 2: has the minutes, 3: the silent


class OpenHour(msgspec.Struct, array_like=True):
    """An hour that some pools have told of: sums in whole units, which have no order.

    Parameters
    ----------
    observed
        What was, by resource.
    means
        By resource, the sums of the pools' expected values of the hours that follow; empty where
        no pool forecasts.
    """

    observed: list[int]
    means: list[list[int]]

    @classmethod
    def nothing(cls) -> "OpenHour":
        """Return an hour that nobody has told of."""
        return cls([0] * len(RESOURCES), [[] for _ in RESOURCES])


class OpenMark(msgspec.Struct, array_like=True):
    """A mark, a full five minutes, that some pools have told of: sums in whole units.

    Parameters
    ----------
    pools
        How many have told of it.
    is_due
        Whether any of them forecasts its next hour with it.
    minutes
        By resource, what was in each of the minutes before it.
    means
        By resource, the sums of what is expected of each minute after it; empty where nothing is.
    """

    pools: int
    is_due: bool
    minutes: list[list[int]]
    means: list[list[int]]

    @classmethod
    def nothing(cls) -> "OpenMark":
        """Return a mark that nobody has told of."""
        return cls(0, False, [[0] * MARK_MINUTES for _ in RESOURCES], [[] for _ in RESOURCES])


class MinutesState(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """The total by the minute.

    Parameters
    ----------
    told
        By pool, the last mark that it has told of, in minutes since the epoch.
    open
        Sums at the marks that not all pools have told of yet.
    by_minute
        By resource, the saved forecaster; empty while there never was any demand.
    """

    told: dict[str, int]
    open: dict[int, OpenMark]
    by_minute: list[bytes]

    @classmethod
    def empty(cls) -> "MinutesState":
        """Return the state before any pool has told anything."""
        return cls({}, {}, [b""] * len(RESOURCES))


class TotalState(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """The total.

    Parameters
    ----------
    told
        By pool, the last hour that it has told of.
    open
        Sums of the hours that not all pools have told of yet.
    first_hour, hours
        Where the total's series begins (-1: not yet), and how many hours it has.
    minutes
        The total by the minute.
    silent
        Pools that hours are not waiting for.
    """

    version: int
    told: dict[str, int]
    open: dict[int, OpenHour]
    first_hour: int
    hours: int
    minutes: MinutesState = msgspec.field(default_factory=MinutesState.empty)
    silent: list[str] = []

    @classmethod
    def empty(cls) -> "TotalState":
        """Return the state before any pool has told anything."""
        return cls(VERSION, {}, {}, -1, 0)

    def to_bytes(self) -> bytes:
        """Return the state as versioned bytes."""
        return msgspec.msgpack.encode(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> "TotalState":
        """Return the state; raises ValueError for bytes that are none.

        Of a state of version 1 all is kept; the total by the minute begins with the next mark. Up
        to version 2 every pool was waited for.
        """
        state = decoded(_decoder, data, "state of the total", VERSION, BEFORE)
        state.version = VERSION
        return state


_decoder = msgspec.msgpack.Decoder(TotalState)
