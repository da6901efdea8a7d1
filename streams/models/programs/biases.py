"""A user's own corrections: what the mixture got wrong after the same launches or at this hour.

The population's rates and weights change once an hour; these change with every launch. Each
candidate has a correction of its log-odds for the launch before, for the two before, and for the
time of day, in a hashed table of a few bytes that all share (feature hashing, Weinberger et al.
2009). Steps are whole numbers, so that what is restored from bytes is the same to the bit.
"""

import numpy as np
import numpy.typing as npt

from streams.models.compiled import kernel
from streams.models.programs.hashing import mixed

PLACES = 1024
KEYS = 3
# Of the log-odds: with steps of 1/4096 an error below .6 % moves nothing, and fills no place.
SCALE = 4096.0
# With .02 and .04, and without the hour, phones came to 37.8 and 38.0 % of top 1, desktops to 55.7
# and 55.9 %; at .05 the latter lost 0.2 of top 3.
RATE = 0.02
MOST = 32_000

Table = npt.NDArray[np.int16]
Integers = npt.NDArray[np.int64]


@kernel
def places_of(names: Integers, here: int, before: int, hour: int) -> Integers:
    """Return where the corrections of candidates (hashes) are, shape (candidates, KEYS)."""
    places = np.zeros((len(names), KEYS), np.int64)
    keys = (mixed(11, here), mixed(mixed(12, here), before), mixed(13, hour))
    for m in range(len(names)):
        for k in range(KEYS):
            places[m, k] = mixed(keys[k], names[m]) & (PLACES - 1)
    return places


@kernel
def correct(table: Table, places: Integers, p: npt.NDArray[np.float64], came: int) -> None:
    """Move the corrections of candidates by the errors of their probabilities, the one that came.

    p (candidates,) were stated; `came` is the index of the candidate that came.
    """
    for m in range(len(p)):
        error = (1.0 if m == came else 0.0) - p[m]
        step = round(RATE * SCALE * error)
        if step == 0:
            continue
        for k in range(KEYS):
            moved = table[places[m, k]] + step
            table[places[m, k]] = min(MOST, max(-MOST, moved))


def packed(table: Table) -> bytes:
    """Return a bit for each place, whether it isn't 0, and the values; nothing where all are."""
    used = table != 0
    return np.packbits(used).tobytes() + table[used].astype("<i2").tobytes() if used.any() else b""


def unpacked(data: bytes) -> Table:
    """Return what was packed; raises ValueError where it can't be.

    Examples
    --------
    >>> table = np.zeros(PLACES, np.int16)
    >>> table[7] = -80
    >>> bool((unpacked(packed(table)) == table).all())
    True
    """
    table = np.zeros(PLACES, np.int16)
    if not data:
        return table
    used = np.unpackbits(np.frombuffer(data[: PLACES // 8], np.uint8)).astype(np.bool_)
    if len(used) != PLACES or len(data) != PLACES // 8 + 2 * int(used.sum()):
        raise ValueError(f"{len(data)} bytes of corrections can't be")
    values = np.frombuffer(data[PLACES // 8 :], "<i2")
    if len(values) and (not values.all() or values.min() < -MOST or values.max() > MOST):
        raise ValueError("a user's corrections that can't be")
    table[used] = values
    return table
