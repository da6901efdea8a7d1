"""A pool of instances on event time, as the reserve's backtest plays it."""

from dataclasses import dataclass, field

from allocator.policy.position import Position


@dataclass(slots=True)
class SimulatedPool:
    """Building and ready instances, oldest first; requests take them and never return them.

    Parameters
    ----------
    lead_s
        Seconds from launch to ready.
    min_life_s
        Seconds that an instance lives at least once it is ready.

    Examples
    --------
    >>> pool = SimulatedPool(lead_s=90.0)
    >>> pool.launch(0.0, 1)
    >>> pool.advance(89.0), pool.serve()
    (None, False)
    >>> pool.advance(90.0), pool.serve()
    (None, True)
    """

    lead_s: float
    min_life_s: float = 60.0
    _ready_at: list[float] = field(default_factory=list)  # every launch so far, oldest first
    _gone: int = 0  # taken or terminated: always the oldest
    _old: int = 0  # end of those that have lived their minimum
    _ready: int = 0  # end of those that are ready

    def advance(self, now_s: float) -> None:
        """Let the instances whose launch is over become ready."""
        while self._ready < len(self._ready_at) and self._ready_at[self._ready] <= now_s:
            self._ready += 1
        while self._old < self._ready and now_s - self._ready_at[self._old] >= self.min_life_s:
            self._old += 1

    def ready_times_until(self, now_s: float) -> list[float]:
        """When the instances that are building now become ready, up to `now_s`, ascending."""
        end = self._ready
        while end < len(self._ready_at) and self._ready_at[end] <= now_s:
            end += 1
        return self._ready_at[self._ready : end]

    def serve(self) -> bool:
        """Give the oldest ready instance to a request; False is a miss."""
        if self._gone == self._ready:
            return False
        self._gone += 1
        return True

    def launch(self, now_s: float, count: int) -> None:
        """Start building `count` instances."""
        self._ready_at.extend([now_s + self.lead_s] * count)

    def terminate(self, count: int) -> None:
        """End the oldest `count` ready instances.

        Raises
        ------
        ValueError
            If one of them has not lived its minimum yet.
        """
        if self._gone + count > self._old:
            raise ValueError(f"{count} terminations, but only {self._old - self._gone} may end")
        self._gone += count

    @property
    def position(self) -> Position:
        """What is held, as of the last `advance`."""
        return Position(
            ready=self._ready - self._gone,
            building=len(self._ready_at) - self._ready,
            terminable=max(0, self._old - self._gone),
        )
