"""Demand in whole units: their sums are the same in any order, to the bit."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from streams.pipeline.resources import ResourceName

# A millionth of a launch and of a core, a byte, a byte/s.
SCALE: dict[ResourceName, int] = {
    "INSTANCES": 2**20, "CPU": 2**20, "MEMORY": 1, "STORAGE": 1, "NETWORK": 1,
}  # fmt: skip
LARGEST = 2**52


def whole(values: Sequence[float], resource: ResourceName) -> npt.NDArray[np.int64]:
    """Return finite values in whole units; what can't be is bounded.

    Examples
    --------
    >>> whole([1.5, 1e300], "CPU").tolist() == [3 * 2**19, LARGEST]
    True
    """
    scaled = np.clip(np.array(values) * float(SCALE[resource]), -LARGEST, LARGEST)
    return np.rint(scaled).astype(np.int64)


def added(known: Sequence[int], more: npt.NDArray[np.int64]) -> list[int]:
    """Return sums, element by element; `known` may be empty for none yet."""
    return (
        more.tolist() if not known else [a + b for a, b in zip(known, more.tolist(), strict=True)]
    )
