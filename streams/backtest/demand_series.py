"""Lays the rows of a recording on a regular grid of steps.

The fate of irregular rows: a row falls into the step that its time lies in; where a step has
several rows, the first in the file counts and the others are neither learned nor scored; a step
without a row, and an empty value, is a gap: forecast, not scored, and learned from as unknown.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from streams.backtest.demand_scores import Floats
from streams.runtime.recordings import Format, RecordingError, read_recording

MOST_STEPS = 5_000_000
_UNITS = {"s": 1.0, "min": 60.0, "m": 60.0, "t": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True, slots=True)
class Series:
    """A series by steps.

    Parameters
    ----------
    values
        Shape (steps,); NaN where not known.
    rows
        Numbers of the recording's rows that count, rising, shape (rows,).
    steps
        The step of each of those rows, rising, shape (rows,).
    """

    values: Floats
    rows: npt.NDArray[np.int64]
    steps: npt.NDArray[np.int64]
    start_s: float
    step_s: float

    @property
    def day_steps(self) -> int:
        """Steps in a day."""
        return round(86400.0 / self.step_s)


def step_seconds(freq: str) -> float:
    """Return the length of a step.

    Examples
    --------
    >>> step_seconds("1h"), step_seconds("30min"), step_seconds("d")
    (3600.0, 1800.0, 86400.0)
    """
    match = re.fullmatch(r"(\d*)([a-z]+)", freq.strip().lower())
    if not match or match[2] not in _UNITS or match[1] == "0":
        raise RecordingError(f"--freq {freq!r}: give a number and s, min, h or d, such as 1h")
    step_s = int(match[1] or 1) * _UNITS[match[2]]
    if step_s < 60.0 or step_s > 86400.0 or 86400.0 % step_s:
        raise RecordingError(f"--freq {freq!r}: a day must be a whole number of steps of 60 s up")
    return step_s


def read_series(path: Path, time: str, value: str, freq: str, fmt: Format | None = None) -> Series:
    """Read a recording as a series; RecordingError says what is wrong with it."""
    step_s = step_seconds(freq)
    recording = read_recording(path, fmt)
    times, values = recording.times(time), recording.numbers(value)
    if not len(times) or not np.isfinite(times).all():
        raise RecordingError(f"{path}: no rows, or a time that is no number")
    if (np.diff(times) < 0.0).any():
        row = int(np.argmax(np.diff(times) < 0.0)) + 1
        raise RecordingError(f"{path}: row {row} is earlier than the row before; sort by {time}")
    number = np.floor(times / step_s).astype(np.int64)
    steps = number - number[0]
    if steps[-1] >= MOST_STEPS:
        raise RecordingError(f"{path}: {steps[-1]} steps of {freq}; is --freq right?")
    grid = np.full(int(steps[-1]) + 1, np.nan)
    # The first row of a step is what is learnt, so that rows that come later change nothing.
    rows = np.flatnonzero(np.diff(steps, prepend=-1) > 0)
    grid[steps[rows]] = np.where(np.isfinite(values[rows]), values[rows], np.nan)
    return Series(grid, rows, steps[rows], float(number[0] * step_s), step_s)
