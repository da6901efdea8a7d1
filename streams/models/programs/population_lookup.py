"""Statistics of the population's contexts for one user's moment."""

import numpy as np
import numpy.typing as npt

from streams.models.compiled import kernel
from streams.models.programs.hashing import mixed
from streams.models.programs.layout import ALL0, ALL1, ALL2, ALL_CONTEXTS, ALL_RUN, ALL_SKIP2

PROPOSALS = 12


@kernel
def context_keys(last: int, before: int, run: int) -> npt.NDArray[np.int64]:
    """Return the keys of the population's contexts after two launches (hashes) and a run."""
    keys = np.zeros(ALL_CONTEXTS, np.int64)
    keys[ALL0] = 1
    keys[ALL1] = mixed(mixed(2, last), 0)
    keys[ALL2] = mixed(mixed(3, last), before)
    keys[ALL_RUN] = mixed(mixed(4, last), run)
    keys[ALL_SKIP2] = mixed(mixed(5, before), 0)
    return keys


@kernel
def lower_bound(values: npt.NDArray[np.int64], low: int, high: int, wanted: int) -> int:
    """Return the first place in values[low:high], ascending, that is not below `wanted`."""
    while low < high:
        middle = (low + high) // 2
        if values[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low
