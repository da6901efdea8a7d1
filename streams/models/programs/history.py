"""The latest launches of one user, with what contexts compare of each of them.

Contexts keep no tables: their statistics are read off the history when a prediction is made, by one
walk from the newest launch to the oldest. So a user's state is the launches themselves, 3 bytes
each, and what is restored from bytes cannot differ from what was never saved.
"""

import numpy as np
import numpy.typing as npt

from streams.models.compiled import kernel

# The most launches that are kept; `UserPrograms` keeps fewer where names take the room.
LONGEST = 4096
LAUNCH_BYTES = 3

# Rows of `History.fields`: the program, and what is derived from it and its predecessors.
PROGRAM, RUN, RUN_BEFORE, DISTINCT, DISTINCT2, GAP, HOUR, SET3, TURNS, FIELDS = range(10)

GAP_CODE_BITS = 11
# No time of a launch is beyond this, nor before its negative.
LATEST_MS = 1 << 60


@kernel
def log2_bin(value: float, per_octave: float, most: int) -> int:
    """Return the bin of a value on a logarithmic scale, from 0 (at most 1) to `most`."""
    if value <= 1.0:
        return 0
    return min(most, int(np.log2(value) * per_octave))


@kernel
def derive(fields: npt.NDArray[np.int32], clock: npt.NDArray[np.int64], j: int) -> None:
    """Fill in what follows from launch j and those before it."""
    x = fields[PROGRAM, j]
    hour = clock[j] // 3_600_000
    weekend = 1 if (hour // 24 + 3) % 7 >= 5 else 0
    fields[HOUR, j] = (hour % 24) // 3 * 2 + weekend
    fields[RUN, j] = 1
    fields[RUN_BEFORE, j] = 0
    fields[DISTINCT, j] = -1
    fields[DISTINCT2, j] = -1
    fields[GAP, j] = 0
    fields[SET3, j] = -1
    fields[TURNS, j] = 0
    if j == 0:
        return
    fields[GAP, j] = 1 + log2_bin((clock[j] - clock[j - 1]) / 1000.0, 1 / 1.8, 9)
    before = fields[PROGRAM, j - 1]
    if x == before:
        fields[RUN, j] = min(fields[RUN, j - 1] + 1, 40)
        for k in (RUN_BEFORE, DISTINCT, DISTINCT2):
            fields[k, j] = fields[k, j - 1]
    else:
        fields[RUN_BEFORE, j] = fields[RUN, j - 1]
        fields[DISTINCT, j] = before
        fields[DISTINCT2, j] = fields[DISTINCT, j - 1]
    if j >= 2:
        y, z = before, fields[PROGRAM, j - 2]
        if x == z and x != y:
            fields[TURNS, j] = min(fields[TURNS, j - 1] + 1, 8)
        low, high = min(x, y, z), max(x, y, z)
        fields[SET3, j] = (low * 1024 + (x + y + z - low - high)) * 1024 + high


@kernel
def derive_all(fields: npt.NDArray[np.int32], clock: npt.NDArray[np.int64], n: int) -> None:
    """Fill in what follows from all launches."""
    for j in range(n):
        derive(fields, clock, j)


@kernel
def gap_code(gap_ms: int) -> int:
    """Return a gap as 16 bits: a floating point number of 11 bits and an exponent of base 2.

    Examples
    --------
    >>> [gap_of_code(gap_code(ms)) for ms in (0, 999, 5_003, 3_600_000)]
    [0, 999, 5004, 3600384]
    """
    exponent = 0
    while gap_ms >> (exponent + GAP_CODE_BITS):
        exponent += 1
    mantissa = (gap_ms + (1 << exponent >> 1)) >> exponent
    if mantissa >> GAP_CODE_BITS:
        mantissa, exponent = mantissa >> 1, exponent + 1
    return exponent << GAP_CODE_BITS | mantissa if exponent < 32 else 0xFFFF


@kernel
def gap_of_code(code: int) -> int:
    """Return the gap in ms that a code stands for."""
    return (code & ((1 << GAP_CODE_BITS) - 1)) << (code >> GAP_CODE_BITS)


@kernel
def append(
    fields: npt.NDArray[np.int32],
    clock: npt.NDArray[np.int64],
    codes: npt.NDArray[np.uint16],
    j: int,
    program: int,
    time_ms: int,
) -> int:
    """Write launch j; return its time as it is kept."""
    code = 0
    if j:
        # The gap is taken from the rounded clock, so that rounding never adds up.
        code = gap_code(max(0, time_ms - clock[j - 1]))
        time_ms = clock[j - 1] + gap_of_code(code)
    fields[PROGRAM, j], clock[j], codes[j] = program, time_ms, code
    derive(fields, clock, j)
    return time_ms


class History:
    """The launches, oldest first.

    Attributes
    ----------
    fields
        Program and derived fields, shape (FIELDS, room), int32; the first `length` columns count.
    clock
        Times in ms, rounded to the precision of the gap before (0.05 %), shape (room,), int64.
    codes
        `gap_code` of each, which is what is saved, shape (room,), uint16.
    """

    def __init__(self, room: int = 16) -> None:
        self.fields = np.zeros((FIELDS, room), np.int32)
        self.clock = np.zeros(room, np.int64)
        self.codes = np.zeros(room, np.uint16)
        self.length = 0

    def append(self, program: int, time_ms: int) -> int:
        """Add a launch, and return its time as it is kept.

        A time before the last one counts as equal to it.
        """
        j = self.length
        if j == len(self.clock):
            self._grow(2 * j)
        self.length += 1
        return append(self.fields, self.clock, self.codes, j, program, time_ms)

    def programs(self) -> npt.NDArray[np.int32]:
        """Return the program of each launch, oldest first."""
        return self.fields[PROGRAM, : self.length]

    def renumber(self, renumbered: npt.NDArray[np.int32]) -> None:
        """Give each program its new number."""
        n = self.length
        self.fields[PROGRAM, :n] = renumbered[self.fields[PROGRAM, :n]]
        derive_all(self.fields, self.clock, n)

    def keep_newest(self, n: int) -> None:
        """Forget all but the newest launches, and derive anew, as it is from saved bytes."""
        kept = slice(self.length - n, self.length)
        self.fields[PROGRAM, :n] = self.fields[PROGRAM, kept].copy()
        self.clock[:n] = self.clock[kept].copy()
        self.codes[:n] = self.codes[kept].copy()
        self.codes[0] = 0  # the first launch follows none
        self.length = n
        derive_all(self.fields, self.clock, n)

    def _grow(self, room: int) -> None:
        grown = History(room)
        n = self.length
        grown.fields[:, :n], grown.clock[:n] = self.fields[:, :n], self.clock[:n]
        grown.codes[:n] = self.codes[:n]
        self.fields, self.clock, self.codes = grown.fields, grown.clock, grown.codes

    def to_parts(self) -> tuple[int, bytes, bytes]:
        """Return the first time, the programs and the gaps as bytes."""
        first = int(self.clock[0]) if self.length else 0
        codes = self.codes[: self.length].astype("<u2").tobytes()
        return first, self.programs().astype(np.uint8).tobytes(), codes

    @classmethod
    def of_parts(cls, first_ms: int, programs: bytes, codes: bytes, known: int) -> "History":
        """Return a saved history of at most `known` programs; raises ValueError if broken."""
        n = len(programs)
        if len(codes) != 2 * n or n > LONGEST:
            raise ValueError("the history's programs and gaps do not fit together")
        history = cls(max(16, n))
        numbers = np.frombuffer(programs, np.uint8)
        if n and (numbers.max() > known or abs(first_ms) >= LATEST_MS or codes[:2] != b"\0\0"):
            raise ValueError("the history names a program or time that can't be")
        gaps = np.frombuffer(codes, "<u2").astype(np.int64)
        if n:
            gaps = (gaps & ((1 << GAP_CODE_BITS) - 1)) << (gaps >> GAP_CODE_BITS)
            history.fields[PROGRAM, :n] = numbers
            history.clock[:n] = first_ms + np.cumsum(gaps)
            history.codes[:n] = np.frombuffer(codes, "<u2")
            history.length = n
            derive_all(history.fields, history.clock, n)
        return history
