"""Logarithmic bins of gaps: under 1 s, 1 to 2 s, 2 to 4 s and so on, the last over 36 hours.

Of a person's launches the gaps spread over five powers of ten, and what is done with them (when to
have a machine ready) needs their size, not their seconds.

References
----------
Shahrad et al., Serverless in the Wild, USENIX ATC 2020: histograms of idle times per application.
"""

from collections.abc import Sequence

BINS = 19  # of a last border of 2**17 s = 36 h
MOST_EXPONENT = BINS - 2


def gap_bin(gap_ms: int) -> int:
    """Return the bin of a gap.

    Examples
    --------
    >>> gap_bin(999), gap_bin(1000), gap_bin(3000), gap_bin(10**12)
    (0, 1, 2, 18)
    """
    return min((max(gap_ms, 0) // 1000).bit_length(), BINS - 1)


def gap_quantile(weights: Sequence[float], q: float) -> float:
    """Return the gap in seconds that a share `q` of the weights lies below, even in each bin's log.

    Parameters
    ----------
    weights
        Of each bin, shape (BINS,), not all zero. The first bin counts from 0.5 s, the last ends at
        twice its border.
    q
        Share, 0 to 1.

    Examples
    --------
    >>> round(gap_quantile([0.0, 0.0, 0.0, 8.0] + [0.0] * 15, 0.5), 1)  # 4 to 8 s
    5.7
    """
    wanted, below = q * sum(weights), 0.0
    for place, weight in enumerate(weights):
        if weight > 0.0 and below + weight >= wanted:
            return float(2.0 ** (place - 1 + (wanted - below) / weight))
        below += weight
    return float(2.0**MOST_EXPONENT)
