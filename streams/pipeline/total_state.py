"""The saved state of the total over pools, apart from its history."""

import msgspec

from streams.pipeline.resources import RESOURCES
from streams.pipeline.state_version import decoded

VERSION = 1


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
    """

    version: int
    told: dict[str, int]
    open: dict[int, OpenHour]
    first_hour: int
    hours: int

    @classmethod
    def empty(cls) -> "TotalState":
        """Return the state before any pool has told anything."""
        return cls(VERSION, {}, {}, -1, 0)

    def to_bytes(self) -> bytes:
        """Return the state as versioned bytes."""
        return msgspec.msgpack.encode(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> "TotalState":
        """Return the state; raises ValueError for bytes that are none."""
        return decoded(_decoder, data, "state of the total", VERSION)


_decoder = msgspec.msgpack.Decoder(TotalState)
