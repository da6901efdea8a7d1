"""Logarithmic buckets of exact borders: eight to an octave, halving as they are made coarser.

This is the linearly interpolated mapping of DDSketch: a value's bucket is read off its binary
exponent and the first three bits of its mantissa. No logarithm is taken, so every machine finds the
same bucket. Buckets of level L merge 2**L neighbours (uniform collapse), which keeps the relative
error even over the whole range.

References
----------
Masson, Rim and Lee, DDSketch, PVLDB 12 (2019). Epicoco et al., UDDSketch, IEEE Access 8 (2020).
"""

from functools import lru_cache
from math import frexp, ldexp

OCTAVE = 8  # buckets of level 0 in an octave: borders at most 12.5 % apart, 5.9 % relative error


def bucket(value: float) -> int:
    """Bucket of level 0 of a positive value.

    Examples
    --------
    >>> bucket(1.0), bucket(1.124), bucket(1.125), bucket(2.0), bucket(0.5)
    (0, 0, 1, 8, -8)
    """
    mantissa, exponent = frexp(value)
    return 8 * exponent + int(16.0 * mantissa) - 16


@lru_cache(maxsize=16_384)  # profiles ask for the same few hundred again and again
def border(key: int, level: int) -> float:
    """Lower border of a bucket.

    Examples
    --------
    >>> border(1, level=0), border(1, level=3), border(-1, level=4)
    (1.125, 2.0, 0.25)
    """
    octave, eighth = divmod(key << level, OCTAVE)
    return ldexp(1.0 + eighth / OCTAVE, octave)
