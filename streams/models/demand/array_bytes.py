"""Arrays of known shapes as bytes, and back with every figure checked."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def arrays_to_bytes(arrays: Iterable[Array]) -> bytes:
    """Concatenate the bytes of arrays; their shapes are known to the reader."""
    return b"".join(array.tobytes() for array in arrays)


def fill_arrays(arrays: Sequence[Array], data: bytes) -> None:
    """Fill fresh arrays with what `arrays_to_bytes` wrote.

    Raises
    ------
    ValueError
        If the length differs, or a figure is not finite.

    Examples
    --------
    >>> blank = np.zeros(2)
    >>> fill_arrays([blank], arrays_to_bytes([np.array([1.0, 2.0])]))
    >>> blank
    array([1., 2.])
    """
    expected = sum(array.nbytes for array in arrays)
    if len(data) != expected:
        raise ValueError(f"forecaster state: {len(data)} bytes of arrays, not {expected}")
    offset = 0
    for array in arrays:
        flat = np.frombuffer(data, array.dtype, array.size, offset)
        if not np.isfinite(flat).all():
            raise ValueError("forecaster state: a figure that is not finite")
        array[...] = flat.reshape(array.shape)
        offset += array.nbytes
