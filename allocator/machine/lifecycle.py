"""The life of an instance: its phases and the only ways between them."""

import enum
from types import MappingProxyType


class Phase(enum.StrEnum):
    """Where an instance is in its life.

    PLANNED and LAUNCHING are unresolved: the cloud may or may not hold an instance for the intent,
    so both count against the cap.
    """

    PLANNED = "planned"  # the intent is written, the call is still to be made
    LAUNCHING = "launching"  # the call was made, or may have been; the answer is unknown
    BUILDING = "building"  # the cloud has it
    READY = "ready"
    PAUSED = "paused"
    PREPARING = "preparing"  # first steps are run on it for one person
    PREPARED = "prepared"  # it waits for that person and nobody else
    SUSPENDED = "suspended"
    SHELVED = "shelved"
    WAKING = "waking"  # on its way back from a lower tier
    ASSIGNED = "assigned"
    RELEASED = "released"
    RECYCLING = "recycling"  # a rebuild makes it as new
    ERROR = "error"
    DELETING = "deleting"  # until the cloud says that it knows it no more
    GONE = "gone"


UNRESOLVED = frozenset({Phase.PLANNED, Phase.LAUNCHING})
COMING = frozenset({Phase.PLANNED, Phase.LAUNCHING, Phase.BUILDING, Phase.RECYCLING, Phase.WAKING})
SHADOWED = (Phase.PREPARED, Phase.PREPARING)
# Warm instances serve within a second or two: what finds one is a hit. Resting ones take longer.
WARM = (Phase.READY, Phase.PAUSED)
RESTING = (Phase.SUSPENDED, Phase.SHELVED)

_ENDS = {Phase.ERROR, Phase.DELETING}
TRANSITIONS = MappingProxyType(
    {
        Phase.PLANNED: {Phase.LAUNCHING, Phase.BUILDING, Phase.GONE},
        Phase.LAUNCHING: {Phase.BUILDING, Phase.GONE},
        Phase.BUILDING: {Phase.READY, Phase.RECYCLING, *_ENDS},
        Phase.READY: {
            Phase.ASSIGNED,
            Phase.PAUSED,
            *RESTING,
            Phase.PREPARING,
            Phase.RECYCLING,
            *_ENDS,
        },
        Phase.PAUSED: {Phase.ASSIGNED, Phase.READY, Phase.WAKING, Phase.RECYCLING, *_ENDS},
        Phase.SUSPENDED: {Phase.ASSIGNED, Phase.READY, Phase.WAKING, *_ENDS},
        Phase.SHELVED: {Phase.ASSIGNED, Phase.READY, Phase.WAKING, *_ENDS},
        Phase.WAKING: {Phase.READY, *_ENDS},
        # Never back to READY: what was prepared for one is rebuilt before another has it.
        Phase.PREPARING: {Phase.PREPARED, Phase.ASSIGNED, Phase.RELEASED, *_ENDS},
        Phase.PREPARED: {Phase.ASSIGNED, Phase.RELEASED, *_ENDS},
        Phase.ASSIGNED: {Phase.RELEASED, *_ENDS},
        Phase.RELEASED: {Phase.RECYCLING, *_ENDS},
        Phase.RECYCLING: {Phase.READY, *_ENDS},
        Phase.ERROR: {Phase.DELETING},
        Phase.DELETING: {Phase.GONE},
        Phase.GONE: set[Phase](),
    }
)


class IllegalTransitionError(ValueError):
    """An instance can't go from its phase to that one."""


def check_transition(before: Phase, after: Phase) -> None:
    """Raise where a phase can't follow another.

    Raises
    ------
    IllegalTransitionError
        If the life of an instance has no such way.

    Examples
    --------
    >>> check_transition(Phase.READY, Phase.ASSIGNED)
    >>> check_transition(Phase.GONE, Phase.READY)
    Traceback (most recent call last):
    allocator.machine.lifecycle.IllegalTransitionError: gone can't become ready
    """
    if after not in TRANSITIONS[before]:
        raise IllegalTransitionError(f"{before} can't become {after}")
