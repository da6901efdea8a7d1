"""The largest of some numbers, in order, where only a few are wanted."""

from typing import Any

import numpy as np
import numpy.typing as npt

from streams.models.compiled import kernel


@kernel
def best_of(counts: npt.NDArray[Any], start: int, stop: int, places: npt.NDArray[np.int64]) -> int:
    """Write the places of the largest counts, largest first; return how many.

    Equal ones keep the order of their places.
    """
    size = 0
    for e in range(start, stop):
        if size == len(places) and counts[e] <= counts[places[size - 1]]:
            continue
        at = size if size < len(places) else size - 1
        while at > 0 and counts[places[at - 1]] < counts[e]:
            if at < len(places):
                places[at] = places[at - 1]
            at -= 1
        places[at] = e
        if size < len(places):
            size += 1
    return size
