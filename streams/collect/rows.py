"""The rows of a recording in order of time, checked; bad ones named by row and column."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from schemas.names import MAX_NAME_CHARS
from streams.collect.columns import Columns, scale_of
from streams.collect.validity import MAX_TIME_MS
from streams.runtime.recordings import Recording, RecordingError, parse_times

# A longer run is a mistyped number: it would move the end of the replay by years.
MAX_RUN_S = 366 * 86_400.0
# Who and what is counted where a recording has no users or no programs.
ANONYMOUS = "anonymous"
REQUEST = "request"
SERIES = "series"

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A field that can't be used: the row counts from 0, without the header."""

    row: int
    column: str
    problem: str

    def __str__(self) -> str:
        return f"row {self.row} (the first is 0), column {self.column!r}: {self.problem}"


@dataclass(frozen=True, slots=True)
class Rows:
    """The usable rows, stably sorted by time; NaN where a number is unknown.

    Parameters
    ----------
    number
        Row in the file, from 0, shape (rows,).
    time_ms
        Unix milliseconds, shape (rows,).
    user, program
        Who started what, one per row.
    run_s, wait_s, cores, memory_bytes, value
        Numbers, shape (rows,); `value` is all NaN unless the recording is a series.
    series
        Whether the rows are measured values and no launches.
    bad
        The rows left out.
    """

    number: npt.NDArray[np.int64]
    time_ms: npt.NDArray[np.int64]
    user: Sequence[str]
    program: Sequence[str]
    run_s: Numbers
    wait_s: Numbers
    cores: Numbers
    memory_bytes: Numbers
    value: Numbers
    series: bool
    bad: tuple[BadRow, ...]

    def __len__(self) -> int:
        return len(self.number)

    def end_ms(self) -> int:
        """Return the time of the last event: a run's end may come after the last start."""
        if not len(self):
            return 0
        spans_s = np.nan_to_num(self.run_s) + np.nan_to_num(self.wait_s)
        return int((self.time_ms + np.round(spans_s * 1000).astype(np.int64)).max())


def read_rows(recording: Recording, columns: Columns, *, skip_bad: bool = False) -> Rows:
    """Check and sort a recording's rows.

    Parameters
    ----------
    recording
        The file's columns.
    columns
        What they mean.
    skip_bad
        Leave bad rows out, and name them in the result, instead of raising.

    Raises
    ------
    RecordingError
        At the first bad row, with its number, column and what to do.
    """
    bad: dict[int, BadRow] = {}
    series = columns.value is not None
    read = {
        "time": _times(recording, columns.time, bad),
        "run_s": _amounts(recording, columns.duration, bad, MAX_RUN_S),
        "wait_s": _amounts(recording, columns.wait, bad, MAX_RUN_S),
        "cores": _amounts(recording, columns.cores, bad),
        "memory_bytes": _amounts(recording, columns.memory, bad),
        "value": _values(recording, columns.value, bad),
    }
    user = _names(recording, None if series else columns.user, bad, ANONYMOUS)
    program = _names(recording, None if series else columns.program, bad, REQUEST)
    if bad and not skip_bad:
        first = bad[min(bad)]
        raise RecordingError(f"{first}; correct it, or leave such rows out with --skip-bad")
    if columns.memory_per_core:
        read["memory_bytes"] = read["memory_bytes"] * read["cores"]
    return _sorted(read, user, program, series=series, bad=bad)


def _sorted(
    read: dict[str, Numbers],
    user: Sequence[str],
    program: Sequence[str],
    *,
    series: bool,
    bad: dict[int, BadRow],
) -> Rows:
    keep = np.setdiff1d(np.arange(len(read["time"])), np.fromiter(bad, np.int64))
    order = keep[np.argsort(read["time"][keep], kind="stable")]
    return Rows(
        number=order,
        time_ms=np.round(read["time"][order] * 1000).astype(np.int64),
        user=[SERIES if series else user[row] for row in order],
        program=[SERIES if series else program[row] for row in order],
        run_s=read["run_s"][order],
        wait_s=read["wait_s"][order],
        cores=read["cores"][order],
        memory_bytes=read["memory_bytes"][order],
        value=read["value"][order],
        series=series,
        bad=tuple(bad[row] for row in sorted(bad)),
    )


def _times(recording: Recording, column: str, bad: dict[int, BadRow]) -> Numbers:
    texts = recording.column(column)
    try:
        times = parse_times(texts)
    except RecordingError:
        times = np.array([_number(text, _one_time) for text in texts])
    times = times + recording.epoch_s
    _report(bad, column, ~np.isfinite(times), texts, "is no ISO 8601 time or number of seconds")
    outside = (times < 0) | (times * 1000 > MAX_TIME_MS)
    _report(bad, column, outside, texts, "is not between 1970 and 2100, in seconds")
    return times


def _one_time(text: str) -> float:
    return float(parse_times([text])[0])


def _number(text: str, parse: Callable[[str], float] = float) -> float:
    try:
        return parse(text)
    except ValueError:  # RecordingError is one
        return math.nan


def _amounts(
    recording: Recording,
    column: str | None,
    bad: dict[int, BadRow],
    most: float = math.inf,
) -> Numbers:
    """Numbers of 0 or more, in seconds, bytes or cores; empty and negative mean unknown."""
    if column is None:
        return np.full(recording.rows, math.nan)
    amounts = _numbers(recording, column, bad) * scale_of(column)
    too_much = amounts > most
    _report(bad, column, too_much, recording.column(column), f"is over {most:.0f} s")
    amounts[amounts < 0] = math.nan  # -1 in the Standard Workload Format
    return amounts


def _numbers(recording: Recording, column: str, bad: dict[int, BadRow]) -> Numbers:
    texts = recording.column(column)
    numbers = np.array([_number(text) for text in texts], np.float64)
    given = np.array([bool(text.strip()) for text in texts], bool)
    _report(bad, column, given & ~np.isfinite(numbers), texts, "is no finite number")
    return numbers


def _values(recording: Recording, column: str | None, bad: dict[int, BadRow]) -> Numbers:
    if column is None:
        return np.full(recording.rows, math.nan)
    values = _numbers(recording, column, bad)
    texts = recording.column(column)
    _report(bad, column, values < 0, texts, "is negative: no amount of a resource")
    return values


def _names(
    recording: Recording, column: str | None, bad: dict[int, BadRow], absent: str
) -> Sequence[str]:
    if column is None:
        return [absent] * recording.rows
    names = recording.column(column)
    usable = {n: 0 < len(n) <= MAX_NAME_CHARS and n.isprintable() for n in set(names)}
    unusable = np.array([not usable[name] for name in names], bool)
    _report(bad, column, unusable, names, f"is not 1 to {MAX_NAME_CHARS} printable characters")
    return names


def _report(
    bad: dict[int, BadRow],
    column: str,
    wrong: npt.NDArray[np.bool_],
    texts: Sequence[str],
    problem: str,
) -> None:
    for row in np.flatnonzero(wrong).tolist():
        bad.setdefault(row, BadRow(row, column, f"{texts[row][:40]!r} {problem}"))
