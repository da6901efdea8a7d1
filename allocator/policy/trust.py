"""Whether the learned size may go below what a reactive policy would hold."""

from math import sqrt

import msgspec

_MEMORY = 1.0 - 1.0 / 300.0  # requests
_SIGMAS = 3.0
_PROVEN_AFTER = 50


class Trust(msgspec.Struct):
    """How the promise was kept lately.

    Parameters
    ----------
    requests, misses
        Decayed counts.

    Examples
    --------
    >>> trust = Trust()
    >>> for k in range(300): trust.served(hit=k % 3 != 0)
    >>> trust.doubt(0.95, seen=300)
    '33% of the last requests missed, beyond chance'
    """

    requests: float = 0.0
    misses: float = 0.0

    def served(self, *, hit: bool) -> None:
        """Count a request."""
        self.requests = self.requests * _MEMORY + 1.0
        self.misses = self.misses * _MEMORY + (not hit)

    def doubt(self, target_hit_rate: float, seen: int) -> str:
        """Why the learned size is not trusted alone; empty if it is.

        Three standard deviations of a binomial are chance; the first fifty requests prove nothing.
        """
        if seen < _PROVEN_AFTER:
            return f"only {seen} requests seen"
        allowed = self.requests * (1.0 - target_hit_rate)
        if self.misses > allowed + _SIGMAS * sqrt(allowed * target_hit_rate) + 1.0:
            return f"{self.misses / self.requests:.0%} of the last requests missed, beyond chance"
        return ""
