"""Lifts a pool's next minutes to what users and pool together let expect of the hour."""

import numpy as np
import numpy.typing as npt

from streams.models.demand.bottom_up import BottomUp
from streams.models.demand.expectation import mean_of
from streams.models.demand.levels import HIGH, LOW, MEDIAN
from streams.pipeline.eventtime import HOUR_MINUTES
from streams.pipeline.pool_state import PoolState
from streams.pipeline.resources import RESOURCES

Floats = npt.NDArray[np.float64]

INSTANCES = RESOURCES.index("INSTANCES")
LEAST_LIFT, MOST_LIFT = 0.2, 5.0
_EPOCH_HOURS = 72  # the epoch was a Thursday, hours of the week are counted from Monday


class NextHour:
    """The combination for one pool; what is to be saved besides it is in the pool's state.

    Parameters
    ----------
    state
        The pool's state, of which `expected`, `minutes` and `lift` are used.
    """

    def __init__(self, state: PoolState) -> None:
        self._state = state
        self._both = BottomUp.from_bytes(state.next_hour) if state.next_hour else BottomUp()
        self._is_asked = bool(state.next_hour)

    def close(self, hour: int, came: float, minutes: Floats) -> None:
        """Learn what came in an hour, and expect the one after it.

        Parameters
        ----------
        hour
            The closed hour, since the epoch.
        came
            Launches in it.
        minutes
            Quantiles of the next hour's minutes, shape (60, 8), before they are lifted.
        """
        if self._is_asked:
            self._both.learn(came, _of_week(hour))
        pool = np.array(self._state.expected[INSTANCES])[[LOW, MEDIAN, HIGH]]
        expected = self._state.minutes.expected_of(hour + 1)
        # Without word from the users (none is known yet) the pool's own expectation stands.
        told = expected if expected > 0.0 else float(pool[1])
        median = float(self._both.expect(pool, told, _of_week(hour + 1))[1])
        self._is_asked = True
        flat = float(mean_of(minutes).sum())
        lift = median / flat if flat > 0.0 else 1.0
        self._state.lift = min(max(lift, LEAST_LIFT), MOST_LIFT)

    def lifts(self, minute: int, steps: int) -> Floats:
        """Return what each of the next minutes is multiplied by.

        The lift is of the hour under way; it is given up as the hour passes, for the minutes seen
        of it know better, and does not reach beyond it.
        """
        elapsed = minute % HOUR_MINUTES
        within = np.arange(steps) < HOUR_MINUTES - elapsed
        lift = self._state.lift ** (1.0 - elapsed / HOUR_MINUTES)
        return np.where(within, lift, 1.0)

    def to_bytes(self) -> bytes:
        """Return what is to be saved."""
        return self._both.to_bytes() if self._is_asked else b""


def _of_week(hour: int) -> int:
    return (hour + _EPOCH_HOURS) % (7 * 24)
