"""A user's own corrections: what the mixture got wrong after the same launches or at this hour.

The population's rates and weights change once an hour; these change with every launch. Each
candidate has corrections of its log-odds, by what came before, the gap, the time of day, and when
it was last used, in a hashed table of a few bytes that all share (feature hashing, Weinberger et
al. 2009). The careful learner and the quick one have a table each. Steps are whole numbers, so that
what is restored from bytes is the same to the bit.
"""

import numpy as np
import numpy.typing as npt

from streams.models.compiled import kernel
from streams.models.programs.hashing import mixed

PLACES = 1024
# Keys of the careful learner's table, of the quick one's, and of both in a row.
CAREFUL_KEYS, QUICK_KEYS = 3, 8
KEYS = CAREFUL_KEYS + QUICK_KEYS
# Of the log-odds: with steps of 1/4096 an error below .6 % moves nothing, and fills no place.
SCALE = 4096.0
# With .02 and .04, and without the hour, phones came to 37.8 and 38.0 % of top 1, desktops to 55.7
# and 55.9 %; at .05 the latter lost 0.2 of top 3.
CAREFUL_RATE = 0.02
# The quick learner has nothing else of its own. In the mixture, shells, the phone and desktops lose
# .000, .003 and .004 nats at .1; 2,048 places instead of 1,024 gain .000, .002 and .001.
QUICK_RATE = 0.05
MOST = 32_000

Table = npt.NDArray[np.int16]
Integers = npt.NDArray[np.int64]


@kernel
def places_of(
    names: Integers, recency: Integers, here: int, before: int, gap: int, hour: int
) -> Integers:
    """Return where the corrections of candidates are, shape (candidates, KEYS).

    Parameters
    ----------
    names, here, before
        Hashes of the candidates, of the last launch and of the one before.
    recency
        State of each candidate's last use, shape (candidates,).
    gap, hour
        Bins of the time before the last launch and of its time of day.
    """
    places = np.zeros((len(names), KEYS), np.int64)
    after = mixed(11, here)
    after_both = mixed(mixed(12, here), before)
    at_hour = mixed(13, hour)
    keys = (
        after, after_both, at_hour,
        mixed(14, 0), after, mixed(15, before), after_both, at_hour, mixed(mixed(16, here), gap),
        mixed(17, gap),
    )  # fmt: skip
    for m in range(len(names)):
        for k in range(KEYS - 1):
            places[m, k] = mixed(keys[k], names[m]) & (PLACES - 1)
        places[m, KEYS - 1] = mixed(mixed(18, recency[m]), names[m]) & (PLACES - 1)
    return places


@kernel
def correct(
    table: Table, places: Integers, p: npt.NDArray[np.float64], came: int, rate: float
) -> None:
    """Move the corrections of candidates by the errors of their probabilities, the one that came.

    p (candidates,) were stated; `came` is the index of the candidate that came.
    """
    for m in range(len(p)):
        error = (1.0 if m == came else 0.0) - p[m]
        step = round(rate * SCALE * error)
        if step == 0:
            continue
        for k in range(places.shape[1]):
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
