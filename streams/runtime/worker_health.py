"""What a worker's health and metrics are read from: Faust's own state, looked at once a second."""

import asyncio
import time
from typing import Any

from infra.observe import worker as metrics
from infra.observe.health import Health
from streams.runtime.watchdog import STUCK_S, CommitWatchdog

BEAT_S = 1.0
# A little before the watchdog ends the process: whoever asks should hear the reason first.
COMMIT_LIMIT_S = 0.8 * STUCK_S


class WorkerHealth:
    """Tells a worker's health.

    Parameters
    ----------
    health
        What is told.
    app
        The Faust app.
    watchdog
        Knows how old commits are.
    """

    def __init__(self, health: Health, app: Any, watchdog: CommitWatchdog) -> None:
        self._health = health
        self._app = app
        self._watchdog = watchdog
        self._owned: set[Any] = set()
        health.check_live("commit", self._stuck)
        health.check_ready("recovered", self._recovering)

    async def beat(self) -> None:
        """Beat for ever: a beat that does not come tells that a step holds the loop."""
        while True:
            self._health.beat()
            if self._app.rebalancing_count:
                self._measure()
            await asyncio.sleep(BEAT_S)

    def _measure(self) -> None:
        consumer = self._app.consumer
        owned = set(consumer.assignment())
        metrics.ASSIGNED.set(len(owned))
        metrics.COMMIT_AGE.set(self._watchdog.oldest_s(time.monotonic()))
        for tp, lag in self._watchdog.lags(consumer).items():
            metrics.LAG.labels(tp.topic, str(tp.partition)).set(lag)
        for tp in self._owned - owned:
            metrics.LAG.remove(tp.topic, str(tp.partition))
        self._owned = owned

    def _stuck(self) -> str | None:
        age_s = self._watchdog.oldest_s(time.monotonic())
        return f"nothing committed for {age_s:.0f} s" if age_s > COMMIT_LIMIT_S else None

    def _recovering(self) -> str | None:
        """Faust says that a rebalance is over only once the state of what it gave is read."""
        if self._app.should_stop:
            return "stopping"
        if not self._app.rebalancing_count:
            return "not a member of its group yet"
        return "state of the assigned partitions is being read" if self._app.rebalancing else None
