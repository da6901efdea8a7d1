"""Starts of programs on assigned instances: made after the commit, like calls to the cloud."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StartCall:
    """A program to start.

    Parameters
    ----------
    pool, request_id, instance_id
        For which lease, where.
    program
        Chooses among the declared commands; it is never part of one.
    at_ms
        When it was decided.
    """

    pool: str
    request_id: str
    instance_id: str
    program: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class StartEnd:
    """How a start ended.

    Parameters
    ----------
    call
        Which.
    started
        Whether the program runs.
    took_ms
        How long it took until that was known.
    detail
        Why not, or what is worth telling.
    """

    call: StartCall
    started: bool
    took_ms: int
    detail: str
