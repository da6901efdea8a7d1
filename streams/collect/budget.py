"""Keeps the collector's own use of CPU within a budget, by looking less often."""

SMOOTHING = 0.3


class CpuBudget:
    """Chooses the pause between looks from what looks have cost.

    Parameters
    ----------
    share
        Share of one core that looking may take.
    shortest_s, longest_s
        Bounds of the pause.

    Examples
    --------
    >>> budget = CpuBudget(share=0.01, shortest_s=5.0, longest_s=60.0)
    >>> budget.pause_s(cost_s=0.02), budget.pause_s(cost_s=0.3)
    (5.0, 10.4)
    """

    def __init__(self, share: float, shortest_s: float, longest_s: float) -> None:
        self._share = share
        self._shortest_s = shortest_s
        self._longest_s = longest_s
        self._cost_s: float | None = None

    def pause_s(self, cost_s: float) -> float:
        """Return the pause after a look that took `cost_s` seconds of CPU."""
        known_s = cost_s if self._cost_s is None else self._cost_s
        self._cost_s = known_s + SMOOTHING * (cost_s - known_s)
        return min(max(round(self._cost_s / self._share, 6), self._shortest_s), self._longest_s)
