"""What a producer refuses: events that nobody downstream could use, told before they are sent."""

import math
from datetime import datetime

from schemas.names import MAX_NAME_CHARS
from schemas.records import Activity

MAX_TIME_MS = 4_102_444_800_000  # the year 2100
MAX_LONG = 2**63 - 1
AMOUNTS = (
    "cpu_cores", "memory_bytes", "storage_bytes", "disk_bytes_per_s", "network_bytes_per_s",
    "wait_s",
)  # fmt: skip


class InvalidActivityError(ValueError):
    """An event can't be sent as it is; the message says which field and why."""


def milliseconds(time: datetime | float) -> int:
    """Return a moment as unix milliseconds.

    Parameters
    ----------
    time
        A datetime with a zone, or unix seconds.

    Raises
    ------
    InvalidActivityError
        If it is a datetime without a zone, not finite, or not between 1970 and 2100.

    Examples
    --------
    >>> milliseconds(1.5)
    1500
    """
    if isinstance(time, datetime):
        if time.tzinfo is None:
            raise InvalidActivityError(f"time {time.isoformat()} has no zone; use one, such as UTC")
        time = time.timestamp()
    if not 0 <= time * 1000 <= MAX_TIME_MS:
        raise InvalidActivityError(f"time {time} is not in unix seconds between 1970 and 2100")
    return round(time * 1000)


def check_name(what: str, name: str) -> None:
    """Refuse names that are empty, very long or not printable.

    Raises
    ------
    InvalidActivityError
        If so.
    """
    if not name or len(name) > MAX_NAME_CHARS or not name.isprintable():
        raise InvalidActivityError(
            f"{what} {name[:40]!r} must be 1 to {MAX_NAME_CHARS} printable characters"
        )


def check_activity(event: Activity) -> None:
    """Refuse an event with a value that its field can't mean.

    Raises
    ------
    InvalidActivityError
        If there is one.
    """
    check_name("program", event.program)
    if not 0 <= event.time <= MAX_TIME_MS:
        raise InvalidActivityError(f"time {event.time} ms is not between 1970 and 2100")
    if not 0 <= event.seq <= MAX_LONG:
        raise InvalidActivityError(f"seq {event.seq} is not between 0 and 2**63 - 1")
    for field in AMOUNTS:
        amount = getattr(event, field)
        if amount is not None and not 0 <= amount <= MAX_LONG:
            raise InvalidActivityError(f"{field} {amount} is not a finite amount of 0 or more")
    if event.kind == "WAIT" and event.wait_s is None:
        raise InvalidActivityError("a WAIT needs wait_s")


def whole_bytes(amount: float | None) -> int | None:
    """Return an amount of bytes as the integer that the record holds.

    Examples
    --------
    >>> whole_bytes(10.4), whole_bytes(None)
    (10, None)
    """
    if amount is None:
        return None
    if not math.isfinite(amount):
        raise InvalidActivityError(f"{amount} is no amount of bytes")
    return round(amount)
