"""What runs a declared command on an instance, however it gets there.

Programs of assigned requests and first steps of shadow runs go through the same door. A command
comes from the operator's file and from nowhere else: no string of a request or of telemetry is
ever part of it.
"""

import enum
from dataclasses import dataclass
from typing import Protocol


class Outcome(enum.StrEnum):
    """How the start of a command ended."""

    STARTED = "started"
    START_FAILED = "start_failed"


@dataclass(frozen=True, slots=True)
class Command:
    """A declared command.

    Parameters
    ----------
    command_id
        Names it in the operator's file, such as `program/mail` or `step/mail/warm-cache`: what is
        not named there can't run.
    argv
        The command and its arguments, never a line for a shell.
    keeps_running
        A program is left running and counts as started once it has lived for `grace_s`; a step
        runs to its end, and counts as started when it ends with 0 in time.
    grace_s, timeout_s
        See there; what takes longer than `timeout_s` is ended.
    max_output_bytes
        What it writes beyond this is dropped.

    Raises
    ------
    ValueError
        If there is nothing to run, or a limit is not positive.
    """

    command_id: str
    argv: tuple[str, ...]
    keeps_running: bool = False
    grace_s: float = 0.5
    timeout_s: float = 30.0
    max_output_bytes: int = 65_536

    def __post_init__(self) -> None:
        if not self.argv or not all(self.argv) or any("\0" in part for part in self.argv):
            raise ValueError(f"{self.command_id}: argv has to name a command, without empty parts")
        if self.timeout_s <= 0 or self.grace_s < 0 or self.max_output_bytes < 0:
            raise ValueError(f"{self.command_id}: limits can't be negative, nor the timeout 0")


@dataclass(frozen=True, slots=True)
class Place:
    """An instance to run something on.

    Parameters
    ----------
    instance_id
        The cloud's name.
    address
        Host name or IP address, where the cloud tells one.
    """

    instance_id: str
    address: str | None = None


@dataclass(frozen=True, slots=True)
class RunEnd:
    """What became of a command.

    Parameters
    ----------
    outcome
        Started or not.
    took_s
        Seconds until that was known.
    detail
        Why it was not started, or what is worth telling; never the command's secrets.
    output
        What a step wrote, cut to its limit.
    """

    outcome: Outcome
    took_s: float
    detail: str = ""
    output: bytes = b""


class Runner(Protocol):
    """Runs commands on instances.

    Methods block and are called from threads. They never raise for what happens on the instance:
    a refused connection, a missing program or a timeout is a START_FAILED that says so.
    """

    def execute(self, command: Command, place: Place) -> RunEnd:
        """Start a command on an instance; see `Command` for when it counts as started."""

    def end(self, place: Place) -> None:
        """End what was left running on an instance, before it is rebuilt or deleted."""

    def close(self) -> None:
        """End everything and let go of connections."""
