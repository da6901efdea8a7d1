"""Levels of the reserve: which request of a crowd a further instance would serve.

The s-th instance of a reserve serves the request that finds s - 1 others before it within the
launch lead time. Levels are single up to 8 and then grow by 15 %, so that a pool of 16,000 needs
some sixty; the rates of all of them are interpolated from sixteen knots, doubling in size. With a
free rate per level instead the 99 % sizes cost up to 1.8 times as much (NASA iPSC 6.9 against
3.7): the tail is too rare to be learned level by level.
"""

import numpy as np
import numpy.typing as npt

from allocator.policy.compiled import kernel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_GROWTH = 1.15
_LARGEST = 16_384


def _first_of_levels() -> Ints:
    first = list(range(8))
    while first[-1] < _LARGEST:
        first.append(max(first[-1] + 1, round(first[-1] * _GROWTH)))
    return np.array(first, np.int64)


FIRST = _first_of_levels()
LEVELS = len(FIRST)
WIDTH = np.diff(np.append(FIRST, FIRST[-1] + 1)).astype(np.float64)
LAST = FIRST + WIDTH.astype(np.int64)  # instances needed to serve a level in full
_KNOT_AT = np.concatenate([[0], 2 ** np.arange(15)]).astype(np.float64)
KNOTS = len(_KNOT_AT)
_MIDDLE = np.log2(1.0 + FIRST + (WIDTH - 1.0) / 2.0)
_SCALE = np.log2(1.0 + _KNOT_AT)
KNOT = np.clip(np.searchsorted(_SCALE, _MIDDLE, side="right") - 1, 0, KNOTS - 2).astype(np.int64)
SHARE = np.clip((_MIDDLE - _SCALE[KNOT]) / (_SCALE[KNOT + 1] - _SCALE[KNOT]), 0.0, 1.0)


@kernel
def level_of(crowd: int) -> int:
    """Which level a request is on that found `crowd` others before it.

    Examples
    --------
    >>> level_of(0), level_of(7), level_of(9)
    (0, 7, 9)
    """
    return int(np.searchsorted(FIRST, min(crowd, _LARGEST), side="right")) - 1


@kernel
def worth(rates: Floats, top: int, slopes: Floats, ends: Ints) -> None:
    """Hits per second that each level's instances are worth, never rising with size.

    The least concave majorant of expected hits over size: its slope at a level is the highest
    price at which a reserve that maximises hits - price x size still holds that level.

    Parameters
    ----------
    rates
        Expected requests per second on each level, of shape (levels,).
    top
        Number of levels to look at.
    slopes
        Filled with the worth of each level, of shape (levels,).
    ends
        Scratch of shape (levels,).
    """
    count = 0
    for level in range(top):
        gain = rates[level]
        size = WIDTH[level]
        while count > 0 and slopes[count - 1] <= gain / size:
            count -= 1  # pool with the steps before, as for isotonic regression
            before = LAST[ends[count]] - (LAST[ends[count - 1]] if count > 0 else 0)
            gain += slopes[count] * before
            size += before
        slopes[count] = gain / size
        ends[count] = level
        count += 1
    level = top - 1
    for step in range(count - 1, -1, -1):
        first = ends[step - 1] + 1 if step > 0 else 0
        slope = slopes[step]
        while level >= first:
            slopes[level] = slope
            level -= 1


@kernel
def size_at(slopes: Floats, top: int, price: float) -> int:
    """The reserve that maximises hits - price x size: every level worth more than the price."""
    size = 0
    for level in range(top):
        if slopes[level] <= price:
            break
        size = LAST[level]
    return size


def level_values(values: Floats, count: int) -> Floats:
    """The value of the level that each of the first `count` instances is on, of shape (count,).

    Examples
    --------
    >>> level_values(np.arange(LEVELS, dtype=float), 10).tolist()
    [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]
    """
    levels = np.searchsorted(FIRST, np.arange(count), side="right") - 1
    found: Floats = values[levels]
    return found
