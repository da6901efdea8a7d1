"""An instance as the allocator knows it, and a lease of one: what is kept on reserve.state."""

import enum
from typing import TypeVar

import msgspec

from allocator.machine.lifecycle import Phase
from allocator.machine.shadow import Shadow

VERSION = 1


class Instance(msgspec.Struct, kw_only=True):
    """One instance, or the intent to have one.

    Parameters
    ----------
    intent_id
        Names it from the first thought of it; the cloud holds it as a tag.
    number
        Rising number within the pool: tells older from younger.
    instance_id
        The cloud's name, once known.
    since_ms, planned_ms, ready_ms
        When it entered its phase, was planned, and was ready for the last time.
    request_id
        The lease that holds it.
    called
        Whether the rebuild that its phase needs was accepted.
    missed
        In how many listings in a row it was not found.
    shadow
        For whom it was prepared, until it is rebuilt.
    asleep
        Whether it was assigned from a lower tier and is not known to run yet.
    woken_from
        The tier it was last woken from, while that takes.
    """

    intent_id: str
    number: int
    phase: Phase
    planned_ms: int
    since_ms: int
    instance_id: str | None = None
    ready_ms: int | None = None
    request_id: str | None = None
    reason: str = ""
    called: bool = False
    missed: int = 0
    shadow: Shadow | None = None
    asleep: bool = False
    woken_from: str = ""


class LeaseState(enum.StrEnum):
    """What became of a request."""

    WAITING = "waiting"
    ASSIGNED = "assigned"
    RELEASED = "released"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    FAILED = "failed"


class Start(enum.StrEnum):
    """What became of the program of a lease."""

    NONE = ""
    ASKED = "asked"
    STARTED = "started"
    FAILED = "failed"


class Lease(msgspec.Struct, kw_only=True):
    """A request and its answer; kept after its end, so that a repeat gets the same answer.

    Parameters
    ----------
    asked_ms, deadline_ms
        When it was asked for, and until when a wait makes sense.
    until_ms
        When an assigned instance is taken back; None never.
    priority
        The higher are served first.
    wait_ms, tier, intent_id, instance_id, answered_ms
        The answer.
    prepared_steps, saved_ms
        First steps that were run ahead of the request, and what the user need not wait for them.
    start, start_wait_ms
        What became of its program, and how long after the request that was known.
    """

    request_id: str
    user: str
    program: str
    state: LeaseState
    asked_ms: int
    deadline_ms: int
    until_ms: int | None = None
    priority: int = 0
    intent_id: str | None = None
    instance_id: str | None = None
    tier: str | None = None
    wait_ms: int | None = None
    answered_ms: int | None = None
    ended_ms: int | None = None
    reason: str = ""
    prepared_steps: list[str] = []
    saved_ms: int | None = None
    start: Start = Start.NONE
    start_wait_ms: int | None = None
    start_detail: str = ""

    @property
    def order(self) -> tuple[int, int, int, str]:
        """Sorts who waits: urgent first, then who must have it soonest, then who asked first."""
        return (-self.priority, self.deadline_ms, self.asked_ms, self.request_id)


T = TypeVar("T", bound=msgspec.Struct)


def to_bytes(record: msgspec.Struct) -> bytes:
    """Return a record's versioned bytes."""
    return bytes([VERSION]) + msgspec.msgpack.encode(record)


def from_bytes(blob: bytes, as_type: type[T]) -> T:
    """Restore what `to_bytes` wrote.

    Raises
    ------
    ValueError
        If the bytes are of another version or hold something else.
    """
    if blob[:1] != bytes([VERSION]):
        raise ValueError(f"not version {VERSION} of {as_type.__name__}")
    try:
        return msgspec.msgpack.decode(blob[1:], type=as_type)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"not the bytes of {as_type.__name__}: {error}") from error
