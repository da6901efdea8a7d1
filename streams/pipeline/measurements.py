"""What a run of measurements changes: levels and sketches of a user, and everybody's counts.

One call of compiled code takes a run: in plain Python a measurement's level takes 2.3 us, what it
changes in a minute as much, and its five buckets four times that.
"""

import numpy as np
import numpy.typing as npt

from streams.models.compiled import kernel
from streams.models.consumption.counted import Integers
from streams.models.consumption.program_consumption import Table, count_row
from streams.pipeline.eventtime import MINUTE_MS
from streams.pipeline.level import KIB, MAX_BYTES, MAX_BYTES_PER_S, MAX_CORES

Floats = npt.NDArray[np.float64]

# Of a measurement's row: when, whose level it is, where the program's sketches are and its number;
# then its values: cores, memory, storage, disk and network, nan where it was not measured.
TIME, WHO, PLACE, NUMBER, VALUES, WIDTH = 0, 1, 2, 3, 4, 9
CORES, MEMORY, STORAGE, NETWORK = 4, 5, 6, 8
# Of a change's row: whose it is and the minute, then what the level rises by for good, then what
# the rise adds up to by the end of the minute; each in the order of `Level`.
MINUTE_OF, RISE, TOTAL, END = 1, 2, 6, 10


@kernel
def taken_in(
    rows: Floats, programs: int, table: Table, numbers: Integers, counts: Integers, used: int
) -> Integers:
    """Count measurements in sketches and counts; return what they change.

    Parameters
    ----------
    rows
        First the level that each of the programs holds, then the measurements.
    programs
        How many.
    table
        The user's sketches.
    numbers, counts, used
        Everybody's counts (`ConsumptionCounts`), with room for all values.

    Returns
    -------
    A row that begins with the count of numbers used then, the programs' levels afterwards, and a
    row for each program and minute that changed.

    Examples
    --------
    >>> from streams.models.consumption.program_consumption import room_for
    >>> level, nan = [0.0] * WIDTH, np.nan
    >>> half_a_core = [59_000.0, 0.0, 0.0, 7.0, 0.5, nan, nan, nan, nan]
    >>> numbers, counts = np.zeros(5, np.int64), np.zeros(5, np.int64)
    >>> rows = np.array([level, half_a_core])
    >>> taken_in(rows, 1, room_for(1), numbers, counts, 0)[:, :7].tolist()
    [[1, 0, 0, 0, 0, 0, 0], [500, 0, 0, 0, 0, 0, 0], [0, 0, 500, 0, 0, 0, 500000]]
    """
    out = np.zeros((1 + len(rows), END), np.int64)
    first = end = 1 + programs
    for k in range(programs):
        for part in range(4):
            out[1 + k, part] = int(rows[k, part])
    for n in range(programs, len(rows)):
        row = rows[n]
        used = count_row(
            table[int(row[PLACE])], int(row[NUMBER]), row[VALUES:], 0, numbers, counts, used
        )
        end = changed(out, first, end, int(row[WHO]), row)
    out[0, 0] = used
    return out[:end]


@kernel
def changed(out: Integers, first: int, end: int, who: int, row: Floats) -> int:
    """Let a program go to the level that is stated; return where the changes end."""
    stated = (
        amount(row[CORES], MAX_CORES, 1000.0),
        amount(row[MEMORY], MAX_BYTES, 1.0) // KIB,
        amount(row[STORAGE], MAX_BYTES, 1.0) // KIB,
        amount(row[NETWORK], MAX_BYTES_PER_S, 1.0),
    )
    level, is_same = out[1 + who], True
    for k in range(4):
        is_same &= level[k] == stated[k]
    if is_same:
        return end
    minute = int(row[TIME]) // MINUTE_MS
    left_ms = (minute + 1) * MINUTE_MS - int(row[TIME])
    at = first
    while at < end and not (out[at, 0] == who and out[at, MINUTE_OF] == minute):
        at += 1
    change = out[at]
    change[0], change[MINUTE_OF] = who, minute
    for k in range(4):
        rise = stated[k] - level[k]
        change[RISE + k] += rise
        change[TOTAL + k] += rise * left_ms
        level[k] = stated[k]
    return max(end, at + 1)


@kernel
def amount(value: float, most: float, scale: float) -> int:
    """Return an amount as an integer; NaN and negatives are no amounts."""
    return int(np.rint(min(value, most) * scale)) if value > 0.0 else 0
