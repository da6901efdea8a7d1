"""Moments of the code at which a crash could matter, by name, so that a test can crash there.

A kill at a random moment seldom falls between two lines. The processes say where they are, and one
that is started with WARMFRONT_CRASH_FOLDER kills itself at each moment that no other process
struck at before: the folder gets a file for each. `tests/faults/test_crash_points_allocator.py` and
`test_crash_points_worker.py` go on until they have one for every name, so a name that is added is
tested, and one that is never reached fails. Anywhere else a moment costs a comparison, 0.05 us.
"""

import os
import signal
from enum import StrEnum
from pathlib import Path

FOLDER = "WARMFRONT_CRASH_FOLDER"
_folder = os.environ.get(FOLDER, "")


class WorkerPoint(StrEnum):
    """Moments of a worker; what is said holds at that moment."""

    # Of a message's outputs the first is on its way, the others are not.
    AMID_OUTPUTS = "amid-outputs"
    # A message was worked on and its outputs sent; nothing of it is durable for sure.
    MESSAGE_SENT = "message-sent"
    # The same, and it closed an hour.
    HOUR_CLOSED = "hour-closed"
    # A message is on the dead letters, and not acknowledged.
    LETTER_DURABLE = "letter-durable"
    # A partition's state was read back, its first message not yet worked on.
    PROFILE_RESTORED = "profile-restored"
    PROFILE_OUTPUTS_DURABLE = "profile-outputs-durable"
    # The users are durable, their partition, which says how far they are, is not.
    PROFILE_USERS_DURABLE = "profile-users-durable"
    PROFILE_STATE_DURABLE = "profile-state-durable"
    POPULATION_OUTPUTS_DURABLE = "population-outputs-durable"
    POPULATION_STATE_DURABLE = "population-state-durable"
    POOLS_OUTPUTS_DURABLE = "pools-outputs-durable"
    # The hours that a pool looks back on are durable, its state is not.
    POOLS_HOURS_DURABLE = "pools-hours-durable"
    POOLS_STATE_DURABLE = "pools-state-durable"
    TOTAL_OUTPUTS_DURABLE = "total-outputs-durable"
    TOTAL_HOURS_DURABLE = "total-hours-durable"
    TOTAL_STATE_DURABLE = "total-state-durable"
    SERVICE_OUTPUTS_DURABLE = "service-outputs-durable"
    SERVICE_STATE_DURABLE = "service-state-durable"
    ALERTS_OUTPUTS_DURABLE = "alerts-outputs-durable"
    ALERTS_STATE_DURABLE = "alerts-state-durable"
    # All stages are durable, their offsets are not committed.
    SETTLED = "settled"
    COMMITTED = "committed"
    # All is durable and forgotten; partitions are about to belong to another worker.
    GIVEN_UP = "given-up"


class AllocatorPoint(StrEnum):
    """Moments of an allocator; what is said holds at that moment."""

    # The older owner of a partition is fenced off, its state read, its position not yet.
    STATE_READ = "state-read"
    # Messages were worked on in memory.
    DECIDED = "decided"
    # All but the position is written to the open transaction.
    TRANSACTION_WRITTEN = "transaction-written"
    # The position is in it too.
    POSITION_WRITTEN = "position-written"
    # The intent is durable, its call is not made.
    COMMITTED = "transaction-committed"
    # In the thread that makes it: an instance is about to be made.
    CREATE_BEGINS = "create-begins"
    # It is made, and nothing on Kafka says so.
    CREATED = "created"
    # Another change was made in the cloud, and nothing on Kafka says so.
    CHANGED = "changed"
    # The cloud's answers were taken in; what follows from them is not committed.
    ANSWERED = "answered"
    # A program was started on its instance, and nothing on Kafka says so.
    PROGRAM_STARTED = "program-started"
    # The last commit before a partition is given up is done.
    PARTITION_CLOSED = "partition-closed"


Point = WorkerPoint | AllocatorPoint


def reached(point: Point) -> None:
    """Tell where the process is; it ends here where a test wants it to.

    Examples
    --------
    >>> reached(WorkerPoint.SETTLED)  # nobody asked for a crash
    """
    if _folder:
        strike(Path(_folder), point)


def strike(folder: Path, point: Point) -> None:
    """Kill this process, as SIGKILL does, unless a process was killed at this moment before.

    Where the folder spares a moment by a file NAME.spared, it is only noted.
    """
    try:
        (folder / point).touch(exist_ok=False)
    except FileExistsError:
        return
    if not (folder / f"{point}.spared").exists():
        os.kill(os.getpid(), signal.SIGKILL)
