"""Who fell silent: sources that spoke regularly and don't any more, each by its own habit.

A server's collector speaks every few seconds and is missed after ten minutes; a laptop is shut at
night and over weekends, and is missed only after a silence half as long again as its longest. The
longest fades by half in two weeks. Time is an argument; the stream gives the broker's, so a replay
of the log finds the same.
"""

from typing import NamedTuple, Self

import msgspec

VERSION = 1
LEAST_LIMIT_MS = 600_000
BEYOND_LONGEST = 1.5
FADE_MS = 14 * 86_400_000
# A source counts once it has spoken for an hour: a replay that ends is not missed.
SETTLED_MS = 3_600_000
# What is silent for a month has been taken out of service.
FORGOTTEN_MS = 30 * 86_400_000
MOST_SOURCES = 2048
CHECK_MS = 60_000


class Silent(NamedTuple):
    """A source that is missed: for how long it is silent, and how long it may be."""

    source: str
    silent_ms: int
    limit_ms: int


class _Source(msgspec.Struct, array_like=True):
    first_ms: int
    last_ms: int
    longest_ms: float = 0.0
    told: int = 0


class _Wire(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    version: int
    checked_ms: int
    sources: dict[str, _Source]


class SilenceWatch:
    """Keeps when each source was heard.

    Examples
    --------
    >>> watch = SilenceWatch()
    >>> for second in range(0, 7200, 10):
    ...     watch.heard("desk-17", 1000 * second)
    >>> watch.missed(1000 * 7200), [s.source for s in watch.missed(1000 * 7900)]
    ([], ['desk-17'])
    >>> watch.missed(1000 * 7960)
    []
    """

    def __init__(self) -> None:
        self._sources: dict[str, _Source] = {}
        self._checked_ms = -CHECK_MS

    def heard(self, source: str, now_ms: int) -> None:
        """Note that a source spoke."""
        held = self._sources.pop(source, None)
        if held is None:
            held = _Source(now_ms, now_ms)
        gap_ms = max(now_ms - held.last_ms, 0)
        held.longest_ms = max(float(gap_ms), held.longest_ms * 0.5 ** (gap_ms / FADE_MS))
        held.last_ms = max(held.last_ms, now_ms)
        held.told = 0
        self._sources[source] = held
        if len(self._sources) > MOST_SOURCES:
            del self._sources[next(iter(self._sources))]

    def missed(self, now_ms: int) -> list[Silent]:
        """Return who is missed, once a minute at most, and each again after another limit."""
        if now_ms - self._checked_ms < CHECK_MS:
            return []
        self._checked_ms = now_ms
        found = []
        for name, held in list(self._sources.items()):
            silent_ms = now_ms - held.last_ms
            limit_ms = round(max(LEAST_LIMIT_MS, BEYOND_LONGEST * held.longest_ms))
            if silent_ms > FORGOTTEN_MS:
                del self._sources[name]
            elif held.last_ms - held.first_ms < SETTLED_MS:
                continue
            elif silent_ms >= (held.told + 1) * limit_ms:
                held.told = silent_ms // limit_ms
                found.append(Silent(name, silent_ms, limit_ms))
        return found

    def to_bytes(self) -> bytes:
        """State as bytes, about 40 a source."""
        return msgspec.msgpack.encode(_Wire(VERSION, self._checked_ms, self._sources))

    @classmethod
    def from_bytes(cls, blob: bytes) -> Self:
        """Restore; ValueError if the bytes are none of this version."""
        try:
            wire = msgspec.msgpack.decode(blob, type=_Wire)
        except msgspec.DecodeError as error:
            raise ValueError(f"no state of silences: {error}") from error
        if wire.version != VERSION or len(wire.sources) > MOST_SOURCES:
            raise ValueError(f"silences of version {wire.version}, this is {VERSION}")
        watch = cls()
        watch._sources, watch._checked_ms = wire.sources, wire.checked_ms
        return watch
