"""Makes the forecast of a total agree with the forecasts of its parts.

What is reconciled is the mean: the parts' means add up to the total's, step by step (the bottom-up
point of Hyndman et al. 2011, "Optimal combination forecasts for hierarchical time series"). The
spread is the total's own: parts that move together make the total wider than independent ones
would, and only the total's own residuals know how much.
"""

import numpy as np
import numpy.typing as npt

from streams.models.demand.expectation import mean_of

Floats = npt.NDArray[np.float64]


def reconciled(quantiles: Floats, means: Floats, tolerance: float) -> Floats:
    """Return a total's quantiles, moved so that their means are what the parts add up to.

    Parameters
    ----------
    quantiles
        Of the total's own forecast, shape (steps, 8).
    means
        Sums of the parts' means, shape (steps,).
    tolerance
        Steps whose mean is as near as this to the sum stay as they are.

    Returns
    -------
    array of shape (steps, 8)
        Scaled where demand is positive, which keeps it so; else shifted.

    Examples
    --------
    >>> own = np.array([[8.0, 8, 9, 10, 11, 12, 12, 12]])
    >>> float(mean_of(reconciled(own, np.array([20.0]), 1e-6))[0])
    20.0
    """
    own = mean_of(quantiles)
    out = quantiles.copy()
    for k in np.flatnonzero(np.abs(own - means) > tolerance):
        if own[k] > 0.0 and means[k] >= 0.0 and quantiles[k, 0] >= 0.0:
            out[k] = quantiles[k] * (means[k] / own[k])
        else:
            out[k] = quantiles[k] + (means[k] - own[k])
    return out


def factors_to(own: Floats, means: Floats, tolerance: float) -> Floats:
    """Return what a total's steps are multiplied by, so that their means are the parts' sums.

    For forecasts of whole numbers, which have to be rounded after they were moved.

    Parameters
    ----------
    own
        Means of the total's own forecast, shape (steps,).
    means
        Sums of the parts' means, shape (steps,).
    tolerance
        Steps whose mean is as near as this to the sum stay as they are.

    Returns
    -------
    array of shape (steps,)
        1 too where the total expects nothing, and so has no spread either.

    Examples
    --------
    >>> factors_to(np.array([8.0, 9.0, 0.0]), np.array([4.0, 9.0, 0.0]), 1e-6).tolist()
    [0.5, 1.0, 1.0]
    """
    moved = (np.abs(own - means) > tolerance) & (own > 0.0)
    return np.divide(means, own, out=np.ones_like(own), where=moved)
