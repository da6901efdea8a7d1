"""The hash of contexts: the same on every machine."""

from typing import Any

import numpy as np
import numpy.typing as npt

from streams.models.compiled import kernel


@kernel
def mixed(a: Any, b: Any) -> Any:
    """Return a hash of two 63-bit numbers (the finaliser of SplitMix64, Steele et al. 2014)."""
    z = np.uint64(a) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(b)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.int64((z ^ (z >> np.uint64(31))) >> np.uint64(1))


@kernel
def place_among(names: npt.NDArray[np.int64], name: int) -> int:
    """Return the place of a hash among hashes, -1 where it is none of them."""
    for m in range(len(names)):
        if names[m] == name:
            return m
    return -1
