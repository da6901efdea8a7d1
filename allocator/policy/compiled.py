"""The compiler of the hot loops, a twin of streams.models.compiled: the rooms share no code.

Without fast-math the same input gives the same bits; NUMBA_DISABLE_JIT=1 runs plain Python.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from schemas.kernel_cache import kernel_cache

F = TypeVar("F", bound=Callable[..., Any])

try:
    import numba

    numba.config.CACHE_DIR = numba.config.CACHE_DIR or str(kernel_cache())
except ImportError:  # pragma: no cover - the fallback for machines without a numba wheel
    numba = None


def kernel(function: F) -> F:
    """Compile `function` where numba is there, else return it unchanged."""
    if numba is None:
        return function
    return cast("F", numba.njit(cache=True, fastmath=False)(function))
