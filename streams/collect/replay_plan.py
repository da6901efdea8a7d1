"""What is to be replayed: the rows of a file, their shift in time, and the replay's identity."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from streams.collect.columns import Columns, choose_columns
from streams.collect.events import Resource
from streams.collect.rows import Rows, read_rows
from streams.runtime.recordings import Format, RecordingError, read_recording

MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayOptions:
    """How to replay a file.

    Parameters
    ----------
    fmt
        Its format, by default told from its name.
    columns
        Role (a field of `Columns`) to the name of its column, where usual names don't tell.
    resource
        What the values of a series are.
    speed
        Seconds of event time a second; `math.inf` for full speed.
    shift_to_now
        Move all times by whole minutes, so that the last event is now.
    pace
        Wait at each hour of event time until the pipeline has closed the hour before.
    pace_timeout_s
        How long that is waited for.
    requests
        Also ask the allocator for an instance at each launch, and release it at the exit.
    resume
        Go on where the same replay was stopped; else begin again.
    skip_bad
        Leave bad rows out instead of refusing the file.
    synthetic
        The recording is made up: the source is named so, and the page says it.
    """

    fmt: Format | None = None
    columns: Mapping[str, str | None] = field(default_factory=dict)
    resource: Resource = "CPU"
    speed: float = math.inf
    shift_to_now: bool = False
    pace: bool = True
    pace_timeout_s: float = 30.0
    requests: bool = False
    resume: bool = True
    skip_bad: bool = False
    synthetic: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """The rows to replay, and the name under which this replay is known.

    Two replays with one fingerprint would send the same events.
    """

    rows: Rows
    columns: Columns
    fingerprint: str

    def shifted(self, shift_ms: int) -> "Plan":
        """Return the plan with all times moved."""
        return replace(self, rows=replace(self.rows, time_ms=self.rows.time_ms + shift_ms))


def read_plan(path: Path, options: ReplayOptions) -> Plan:
    """Read a file as the options say.

    Raises
    ------
    RecordingError
        If it can't be read, has no usable row, or a bad one that is not to be left out.
    """
    recording = read_recording(path, options.fmt)
    columns = choose_columns(recording.columns, options.columns)
    rows = read_rows(recording, columns, skip_bad=options.skip_bad)
    if not len(rows):
        raise RecordingError(f"{path}: no usable row")
    return Plan(rows, columns, _fingerprint(path, columns, options))


def shift_to(rows: Rows, now_ms: int) -> int:
    """Return the whole minutes, in ms, by which the last event comes to be just before now."""
    return (now_ms - rows.end_ms()) // MINUTE_MS * MINUTE_MS


def _fingerprint(path: Path, columns: Columns, options: ReplayOptions) -> str:
    """Name what decides the events: the bytes of the file, and how they are read."""
    how = (columns, options.resource, options.skip_bad, options.shift_to_now)
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256")
    digest.update(repr(how).encode())
    return digest.hexdigest()[:16]
