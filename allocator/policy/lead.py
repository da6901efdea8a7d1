"""How long launches, rebuilds and steps take: measured continuously, an assumption until then."""

from collections.abc import Sequence

_ASSUMED_WEIGHT = 4  # measurements that the assumption counts for
_LEVELS = (0.1, 0.3, 0.5, 0.7, 0.9)


def lead_s(measured_ms: Sequence[int], level: float, assumed_s: float) -> float:
    """A quantile of measured times, such as those of launches, in seconds.

    Parameters
    ----------
    measured_ms
        The last ones: of launches, from the intent to ready.
    level
        From 0 to 1.
    assumed_s
        What counts for four of them, until four times as many were measured.

    Examples
    --------
    >>> lead_s([], 0.5, 90.0), lead_s([60_000] * 8, 0.5, 90.0), lead_s([60_000] * 8, 0.95, 90.0)
    (90.0, 60.0, 90.0)
    >>> lead_s([60_000] * 16, 0.95, 90.0)
    60.0
    """
    assumed = [assumed_s] * (_ASSUMED_WEIGHT if len(measured_ms) < 4 * _ASSUMED_WEIGHT else 0)
    times = sorted([*assumed, *(ms / 1000 for ms in measured_ms)])
    return times[min(len(times) - 1, int(level * len(times)))]


def lead_spread_s(measured_ms: Sequence[int], assumed_s: float) -> tuple[float, ...]:
    """Five equally likely launch times: the distribution in short, for sums over it."""
    return tuple(lead_s(measured_ms, level, assumed_s) for level in _LEVELS)
