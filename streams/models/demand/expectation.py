"""The mean of a distribution that is known by its quantiles."""

import numpy as np
import numpy.typing as npt

from streams.models.demand.levels import LEVELS

_P = np.array(LEVELS)
_GAPS = np.diff(_P)
# Between two levels the quantile function is taken as a line, beyond the outermost as flat: the
# mean is then a weighted mean of the quantiles, so means of sums are sums of means.
WEIGHTS = np.zeros(len(LEVELS))
WEIGHTS[0] += _P[0]
WEIGHTS[-1] += 1.0 - _P[-1]
WEIGHTS[:-1] += _GAPS / 2.0
WEIGHTS[1:] += _GAPS / 2.0


def mean_of(quantiles: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the means of distributions given by their quantiles at `LEVELS`, shape (..., 8).

    Examples
    --------
    >>> float(mean_of(np.full((1, 8), 3.0))[0])
    3.0
    """
    means: npt.NDArray[np.float64] = quantiles @ WEIGHTS
    return means
