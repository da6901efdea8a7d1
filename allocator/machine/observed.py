"""What the cloud says of its instances, in the words of this project."""

import enum
from dataclasses import dataclass


class CloudStatus(enum.StrEnum):
    """State of an instance as the cloud tells it."""

    BUILD = "build"
    ACTIVE = "active"
    PAUSED = "paused"
    SUSPENDED = "suspended"
    SHELVED = "shelved"
    REBUILD = "rebuild"
    ERROR = "error"
    UNREACHABLE = "unreachable"  # its host does not answer; the guest may still run
    OFF = "off"  # switched off, or in an administrator's hands
    DELETED = "deleted"  # accepted for deletion, still listed


# Told from the cloud's own books: an ERROR is worse than a silent host, a shelved one has no host.
HOSTLESS = frozenset({CloudStatus.ERROR, CloudStatus.DELETED, CloudStatus.SHELVED})


@dataclass(frozen=True, slots=True)
class Observed:
    """One instance of a listing.

    Parameters
    ----------
    instance_id
        The cloud's name.
    intent_id
        Our tag; empty where it has none.
    status
        What the cloud says.
    created_ms, ready_ms
        When it was accepted and became active, by the cloud's clock, where it tells.
    has_image
        Whether it was made of the image that its pool's programs need now.
    fault, is_capacity
        What the cloud says of an ERROR, and whether it is a want of capacity: a creation that was
        accepted and then found no quota or host.
    host
        Which instances share a host, in the cloud's words; empty where it does not tell.
    """

    instance_id: str
    intent_id: str
    status: CloudStatus
    created_ms: int
    ready_ms: int | None = None
    has_image: bool = True
    fault: str = ""
    is_capacity: bool = False
    host: str = ""


class Answer(enum.StrEnum):
    """How a call to the cloud ended."""

    DONE = "done"
    REFUSED = "refused"  # the cloud said no: nothing was done (403, 409, 429, before acceptance)
    MISSING = "missing"  # it knows no such instance (404)
    UNKNOWN = "unknown"  # a timeout or 5xx: it may have been done


class Verb(enum.StrEnum):
    """What can be asked of the cloud about one instance."""

    CREATE = "CREATE"
    DELETE = "DELETE"
    PAUSE = "PAUSE"
    UNPAUSE = "UNPAUSE"
    SUSPEND = "SUSPEND"
    RESUME = "RESUME"
    SHELVE = "SHELVE"
    UNSHELVE = "UNSHELVE"
    REBUILD = "REBUILD"
    WIDEN = "WIDEN"  # the bandwidth of an assigned instance
    NARROW = "NARROW"  # the bandwidth of one that waits
    PREPARE = "PREPARE"  # first steps of a shadow run
    UNDO = "UNDO"  # their effects outside the instance


@dataclass(frozen=True, slots=True)
class Call:
    """A call to make once what it rests on is committed.

    Parameters
    ----------
    verb, pool, reason
        What and why.
    intent_id
        Which instance of the ledger it is about; a leak's tag for a leak.
    instance_id
        The cloud's name; None for a creation.
    at_ms
        When it was decided.
    leak
        Whether the ledger does not know the instance.
    steps, until_ms
        Ids of declared steps to run on it; none is begun after that time.
    """

    verb: Verb
    pool: str
    intent_id: str
    instance_id: str | None
    at_ms: int
    reason: str
    leak: bool = False
    steps: tuple[str, ...] = ()
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """How a call ended.

    Parameters
    ----------
    call
        Which.
    answer
        How.
    instance_id
        Of a creation that was accepted.
    error
        What the cloud said.
    is_quota
        Whether it was refused for want of capacity.
    retry_after_s
        How long the cloud asks to be left alone.
    done
        Steps that were done, with the milliseconds that each took.
    """

    call: Call
    answer: Answer
    instance_id: str | None = None
    error: str = ""
    is_quota: bool = False
    retry_after_s: float = 0.0
    done: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Use:
    """What an assigned instance has used.

    Parameters
    ----------
    cpu_s
        Processor time since it started, summed over its cores.
    memory_bytes
        In use now.
    """

    cpu_s: float | None = None
    memory_bytes: int | None = None
