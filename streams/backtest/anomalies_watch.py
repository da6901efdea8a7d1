"""What watches one series of a recording: a number, or several metrics of one machine together."""

import math
from collections.abc import Sequence

from streams.models.anomaly import SeriesDetector

# Points that each of several metrics is compared with: nineteen at 8,192 take 1.1 MB a machine.
MEMORY_OF_SEVERAL = 2048
# Of several metrics so many must be unusual at once: one alone is often only its own noise.
MOST_AGREEING = 3


class Watch:
    """Scores the rows of a series.

    Several metrics have a detector each, and the row's score is the third highest (of fewer than
    five, the one in the middle): what happens to a machine shows in more than one of them. There an
    incident's later rows score like its first, so that metrics that come late still agree.

    Parameters
    ----------
    metrics
        Numbers a row.

    Examples
    --------
    >>> one, three = Watch(1), Watch(3)
    >>> for k in range(400):
    ...     usual = one.score((k % 5,), 300.0 * k), three.score((k % 5, k % 7, 1.0), 300.0 * k)
    >>> one.score((60.0,), 120_000.0) > 0.5
    True
    >>> one_of_three = three.score((60.0, 2.0, 1.0), 120_000.0)
    >>> one_of_three < 0.5 < three.score((60.0, 90.0, 1.0), 120_300.0)
    True
    """

    def __init__(self, metrics: int) -> None:
        if metrics < 1:
            raise ValueError("a series has at least one number a row")
        memory = {} if metrics == 1 else {"memory": MEMORY_OF_SEVERAL}
        self.detectors = [SeriesDetector(**memory) for _ in range(metrics)]
        self._rank = min(MOST_AGREEING, (metrics + 1) // 2)

    def score(self, values: Sequence[float], time_s: float) -> float:
        """Score a row from those before it, then learn it.

        Parameters
        ----------
        values
            One for each metric; NaN where missing, which scores 0.
        time_s
            Its unix time in seconds.
        """
        pairs = list(zip(self.detectors, values, strict=True))
        given = [detector.score(value, time_s) for detector, value in pairs]
        if len(pairs) == 1:
            return given[0]
        lasting = [d.unsuppressed if math.isfinite(value) else 0.0 for d, value in pairs]
        return sorted(lasting)[-self._rank]
