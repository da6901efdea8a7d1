"""The compiler of the hot loops: numba where it is installed, plain Python where it is not.

Kernels are written in the subset of Python that both run, without fast-math: the same input gives
the same bits on every machine, and NUMBA_DISABLE_JIT=1 runs them uncompiled.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from schemas.kernel_cache import kernel_cache

F = TypeVar("F", bound=Callable[..., Any])

try:
    import numba

    numba.config.CACHE_DIR = numba.config.CACHE_DIR or str(kernel_cache())
except ImportError:  # pragma: no cover - the fallback for machines without a numba wheel
    numba = None


def kernel(function: F) -> F:
    """Compile `function` where numba is there, else return it unchanged.

    Examples
    --------
    >>> @kernel
    ... def add(a, b):
    ...     return a + b
    >>> add(1, 2)
    3
    """
    if numba is None:
        return function
    in_file = Path(function.__code__.co_filename).exists()  # numba caches by source file
    return cast("F", numba.njit(cache=in_file, fastmath=False)(function))
