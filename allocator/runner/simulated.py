"""A runner for simulated instances: nothing runs, some starts fail, seeded."""

import math
import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from allocator.runner.protocol import Command, Outcome, Place, RunEnd


@dataclass(slots=True)
class SimulatedRunner:
    """Implements `Runner` by chance.

    Parameters
    ----------
    seed
        Of start times and failures.
    median_s, spread
        Start times are log-normal: the median, and the standard deviation of the logarithm.
    failure_rate
        Share of starts that fail.
    medians_s
        By command id, of those that take another time.

    Examples
    --------
    >>> runner = SimulatedRunner(seed=1, spread=0.0)
    >>> runner.execute(Command("program/mail", ("mail",)), Place("i-1"))
    RunEnd(outcome=<Outcome.STARTED: 'started'>, took_s=0.8, detail='simulated', output=b'')
    >>> runner.running["i-1"]
    ['program/mail']
    """

    seed: int = 0
    median_s: float = 0.8
    spread: float = 0.3
    failure_rate: float = 0.0
    medians_s: Mapping[str, float] = field(default_factory=dict)
    running: dict[str, list[str]] = field(default_factory=dict)
    _chance: random.Random = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    def execute(self, command: Command, place: Place) -> RunEnd:
        """Draw whether and after how long it starts; takes no time itself."""
        with self._lock:
            median_s = self.medians_s.get(command.command_id, self.median_s)
            took_s = median_s * math.exp(self._chance.gauss(0.0, self.spread))
            if took_s > command.timeout_s:
                return RunEnd(Outcome.START_FAILED, command.timeout_s, "no answer in time")
            if self._chance.random() < self.failure_rate:
                return RunEnd(Outcome.START_FAILED, took_s, "simulated failure")
            self.running.setdefault(place.instance_id, []).append(command.command_id)
            return RunEnd(Outcome.STARTED, took_s, "simulated")

    def end(self, place: Place) -> None:
        """Forget what runs there."""
        with self._lock:
            self.running.pop(place.instance_id, None)

    def close(self) -> None:
        """Forget everything."""
        with self._lock:
            self.running.clear()
