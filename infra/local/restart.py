"""When a process that failed is started again, and when to give up."""

from collections import deque
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """Delays double from the first to the longest; more than `limit` failures in a window end it.

    The window is long against a worker's start (5 to 15 s on a busy machine): in a short one, a
    worker that always dies right after its start would never reach the limit.
    """

    limit: int = 6
    window_s: float = 300.0
    first_delay_s: float = 0.5
    longest_delay_s: float = 15.0


@dataclass
class FailureRecord:
    """The failures of one process.

    Examples
    --------
    >>> failures = FailureRecord(RestartPolicy(limit=2, window_s=60))
    >>> failures.delay_s(at_s=0), failures.delay_s(at_s=1), failures.delay_s(at_s=2)
    (0.5, 1.0, None)
    >>> failures.delay_s(at_s=500)
    0.5
    """

    policy: RestartPolicy
    times_s: deque[float] = field(default_factory=deque)

    def delay_s(self, at_s: float) -> float | None:
        """Note a failure and return the seconds to wait before the restart, None to give up."""
        while self.times_s and self.times_s[0] < at_s - self.policy.window_s:
            self.times_s.popleft()
        self.times_s.append(at_s)
        if len(self.times_s) > self.policy.limit:
            return None
        doubled = self.policy.first_delay_s * 2.0 ** (len(self.times_s) - 1)
        return min(doubled, self.policy.longest_delay_s)
