"""The launches of a recording in the order of time."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from streams.runtime.recordings import SWF_ROLES, Format, Recording, RecordingError, read_recording

# Rows of a recording without times are a minute apart.
STEP_S = 60.0


@dataclass(frozen=True, slots=True)
class ProgramsOptions:
    """What to play.

    Parameters
    ----------
    user, program, time
        Column names; swf needs none. Without times, row i is at i minutes.
    switches
        Drop a user's consecutive repeats; the current program then can't come next.
    neural
        Give each user a small neural net that has a say beside the mixture.
    out, out_within
        Where predictions are written.
    """

    file: Path
    user: str | None = None
    program: str | None = None
    time: str | None = None
    switches: bool = False
    neural: bool = False
    format: Format | None = None
    out: Path | None = None
    out_within: Path | None = None


@dataclass(frozen=True, slots=True)
class Launch:
    """One row of the recording, 0-based in the file."""

    row: int
    user: str
    program: str
    time_s: float


def read_launches(options: ProgramsOptions) -> tuple[list[Launch], bool]:
    """Return the launches, stably sorted by time, and whether they have times.

    Raises
    ------
    RecordingError
        If the file or a column of it can't be read.
    """
    recording = read_recording(options.file, options.format)
    swf = "submit_s" in recording.columns and options.time is None
    users = recording.column(_role(options.user, "user", swf=swf))
    programs = recording.column(_role(options.program, "program", swf=swf))
    times = _times(recording, SWF_ROLES["time"] if swf else options.time)
    order = np.arange(recording.rows) if times is None else np.argsort(times, kind="stable")
    launches = [
        Launch(k, users[k], programs[k], STEP_S * k if times is None else float(times[k]))
        for k in order.tolist()
    ]
    return without_repeats(launches) if options.switches else launches, times is not None


def _role(name: str | None, role: str, *, swf: bool) -> str:
    if name is not None:
        return name
    if not swf:
        raise RecordingError(f"give --{role}: which column holds it?")
    return SWF_ROLES[role]


def _times(
    recording: Recording, name: str | None
) -> np.ndarray[tuple[int], np.dtype[np.float64]] | None:
    if name is None:
        return None
    times = recording.times(name)
    if not np.isfinite(times).all():
        raise RecordingError(f"column {name!r} has rows without a time")
    return times


def without_repeats(launches: list[Launch]) -> list[Launch]:
    """Return the launches that differ from the user's one before.

    Examples
    --------
    >>> rows = [Launch(k, "u", p, 0.0) for k, p in enumerate("aabba")]
    >>> [launch.row for launch in without_repeats(rows)]
    [0, 2, 4]
    """
    last: dict[str, str] = {}
    kept = []
    for launch in launches:
        if last.get(launch.user) != launch.program:
            kept.append(launch)
        last[launch.user] = launch.program
    return kept
