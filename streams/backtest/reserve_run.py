"""Plays a recorded trace against a reserve policy, in the order that the contract states."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from allocator.policy.position import Decision
from allocator.policy.reserve import ReservePolicy
from streams.backtest.reserve_baselines import WARM_UP_S, decision_times
from streams.backtest.reserve_pool import SimulatedPool

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Trace:
    """Requests in order of time.

    Parameters
    ----------
    times
        Seconds, ascending, of shape (requests,), as the file counts them.
    users, programs
        Who asked for what, of the same length, or empty.
    epoch_s
        What time 0 means in unix seconds; the policy's hours of day and week need it.
    """

    times: Floats
    users: Sequence[str] = ()
    programs: Sequence[str] = ()
    epoch_s: float = 0.0


@dataclass(slots=True)
class Replayed:
    """What happened, for the score and for --out.

    Parameters
    ----------
    hits
        Per request, whether it found a ready instance, of shape (requests,).
    actions
        (time in the file's seconds, launch (positive) or terminate (negative) count), in order.
    paid_s, ready_s
        Instance-seconds from 24 h after the first request on.
    """

    hits: npt.NDArray[np.bool_]
    actions: list[tuple[float, int]] = field(default_factory=list)
    paid_s: float = 0.0
    ready_s: float = 0.0


class ReserveReplay:
    """One pool, one policy, one trace.

    At equal times: instances become ready, then requests in file order, then the policy acts.
    """

    def __init__(self, trace: Trace, policy: ReservePolicy, lead_s: float) -> None:
        self.trace = trace
        self.policy = policy
        self.pool = SimulatedPool(lead_s, policy.knobs.min_life_s)
        self.start_s = float(trace.times[0]) + WARM_UP_S
        self.done = Replayed(np.zeros(len(trace.times), np.bool_))
        self._row = 0
        self._now_s = float(trace.times[0])

    def run(self, progress: Callable[[int], None] | None = None) -> Replayed:
        """Play the whole trace; `progress` is told the number of rows served."""
        for count, time_s in enumerate(decision_times(self.trace.times).tolist()):
            self._pass_to(time_s)
            self._serve(time_s)
            self._act(time_s, self.policy.target(time_s + self.trace.epoch_s, self.pool.position))
            if progress is not None and count % 4096 == 0:
                progress(self._row)
        return self.done

    def _pass_to(self, time_s: float) -> None:
        """Pay for the time since the last step, split where instances became ready."""
        self.done.paid_s += self._scored(time_s) * self.pool.position.size
        for ready_s in self.pool.ready_times_until(time_s):
            self._hold(ready_s)
            self.pool.advance(ready_s)
        self._hold(time_s)
        self.pool.advance(time_s)

    def _scored(self, time_s: float) -> float:
        return max(time_s, self.start_s) - max(self._now_s, self.start_s)

    def _hold(self, time_s: float) -> None:
        self.done.ready_s += self._scored(time_s) * self.pool.position.ready
        self._now_s = time_s

    def _serve(self, time_s: float) -> None:
        trace, row = self.trace, self._row
        when = time_s + trace.epoch_s
        while row < len(trace.times) and trace.times[row] <= time_s:
            hit = self.pool.serve()
            self.done.hits[row] = hit
            user = trace.users[row] if trace.users else ""
            program = trace.programs[row] if trace.programs else ""
            self.policy.requested(when, user, program, hit=hit)
            row += 1
        self._row = row
        if time_s % 60.0 == 0.0:
            self.policy.tick(when)

    def _act(self, time_s: float, decision: Decision) -> None:
        if decision.launch:
            self.pool.launch(time_s, decision.launch)
            self.done.actions.append((time_s, decision.launch))
        if decision.terminate:
            self.pool.terminate(decision.terminate)
            self.done.actions.append((time_s, -decision.terminate))
