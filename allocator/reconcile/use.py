"""What assigned instances really use, as the cloud tells, against what they are made of."""

from collections import deque

from allocator.machine.observed import Use

READINGS = 256
_SURE_FROM = 32
_LITTLE, _MUCH = 0.25, 0.9


class UseBook:
    """The last readings of one pool's assigned instances.

    Processor time is cumulative: two readings of an instance make one of cores in use.

    Examples
    --------
    >>> book = UseBook()
    >>> book.read("i", 0, Use(cpu_s=10.0)); book.read("i", 60_000, Use(cpu_s=40.0))
    >>> book.cpu_cores(0.5)
    0.5
    """

    def __init__(self) -> None:
        self._last: dict[str, tuple[int, float]] = {}
        self._cores: deque[float] = deque(maxlen=READINGS)
        self._memory: deque[int] = deque(maxlen=READINGS)

    def read(self, instance_id: str, at_ms: int, use: Use) -> None:
        """Take a reading in."""
        if use.memory_bytes is not None:
            self._memory.append(use.memory_bytes)
        if use.cpu_s is None:
            return
        before = self._last.pop(instance_id, None)
        self._last[instance_id] = (at_ms, use.cpu_s)
        if len(self._last) > 16 * READINGS:
            del self._last[next(iter(self._last))]
        # Less than before: the instance was rebuilt or restarted.
        if before is not None and at_ms > before[0] and use.cpu_s >= before[1]:
            self._cores.append((use.cpu_s - before[1]) / (at_ms - before[0]) * 1000.0)

    def cpu_cores(self, level: float) -> float | None:
        """A quantile of the cores in use; None before any reading."""
        return _quantile(self._cores, level)

    def memory_bytes(self, level: float) -> float | None:
        """A quantile of the memory in use; None before any reading."""
        return _quantile(self._memory, level)

    def wrong(
        self, vcpus: float | None, memory_gb: float | None
    ) -> dict[str, tuple[str, float, float, float]]:
        """Each way in which the flavor does not fit; see `Flags`."""
        found: dict[str, tuple[str, float, float, float]] = {}
        memory = None if memory_gb is None else memory_gb * 2**30
        for many, few, readings, has in (
            ("too many processors", "too few processors", self._cores, vcpus),
            ("too much memory", "too little memory", self._memory, memory),
        ):
            high = _quantile(readings, 0.95)
            if has is None or high is None or len(readings) < _SURE_FROM:
                continue
            told = (
                f"95 % of the readings are under {high:.3g} of {has:.3g}",
                high, _LITTLE * has, _MUCH * has,
            )  # fmt: skip
            if high < _LITTLE * has:
                found[f"flavor has {many}"] = told
            elif high > _MUCH * has:
                found[f"flavor has {few}"] = told
        return found


def _quantile(readings: "deque[float] | deque[int]", level: float) -> float | None:
    ascending = sorted(readings)
    if not ascending:
        return None
    return float(ascending[min(len(ascending) - 1, int(level * len(ascending)))])
