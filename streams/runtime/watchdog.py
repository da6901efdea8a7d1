"""Ends a worker that has stopped working without an error.

Faust's consumers can die silently, and its recoveries stand still.
"""

from typing import Any

from streams.runtime.guard import end_process

STUCK_S = 120.0
# Longer than the group waits for a member that does not come back (Faust's minute).
RECOVERY_STUCK_S = 90.0


class CommitWatchdog:
    """Watches that offsets are committed while there is something to read."""

    def __init__(self) -> None:
        self._seen: dict[Any, tuple[int | None, float]] = {}

    def check(self, consumer: Any, now_s: float) -> None:
        """Look at every assigned partition; end the process if one is stuck.

        Parameters
        ----------
        consumer
            Faust's consumer.
        now_s
            A clock that only goes forward, in seconds.
        """
        owned = _positions(consumer)
        self._seen = {tp: seen for tp, seen in self._seen.items() if tp in owned}
        for tp, (committed, lag) in owned.items():
            before, since_s = self._seen.get(tp, (None, now_s))
            if committed != before or lag <= 0:
                self._seen[tp] = (committed, now_s)
            elif now_s - since_s > STUCK_S:
                end_process("no commit though there is something to read", tp=str(tp), lag=lag)
            else:
                self._seen[tp] = (before, since_s)

    def oldest_s(self, now_s: float) -> float:
        """Return for how long a partition has waited for a commit, the one that waited longest."""
        return max((now_s - since_s for _, since_s in list(self._seen.values())), default=0.0)

    def lags(self, consumer: Any) -> dict[Any, int]:
        """Return how many messages of each assigned partition are not committed."""
        return {tp: max(0, lag) for tp, (_, lag) in _positions(consumer).items()}


class RecoveryWatchdog:
    """Watches that a rebalance gets on until its partitions' state is read.

    While it does not, nothing of the sources is fetched, so that `CommitWatchdog` sees no lag.
    """

    def __init__(self) -> None:
        self._step: object = None
        self._since_s = 0.0

    def check(self, app: Any, now_s: float) -> None:
        """Look at the rebalance under way; end the process if it stands still.

        Parameters
        ----------
        app
            The Faust app.
        now_s
            A clock that only goes forward, in seconds.
        """
        step = _step(app)
        if step is None or step != self._step:
            self._step, self._since_s = step, now_s
        elif now_s - self._since_s > RECOVERY_STUCK_S:
            left = {str(tp): n for tp, n in app.tables.recovery.active_remaining().items() if n > 0}
            end_process("a recovery stands still", rebalances=app.rebalancing_count, unread=left)


def _step(app: Any) -> object:
    """Return how far the rebalance under way has come; None where there is none."""
    if app.rebalancing_count and not app.rebalancing:
        return None
    read = frozenset(app.tables.recovery.active_offsets.items())
    return app.rebalancing_count, app.consumer_generation_id, read


def _positions(consumer: Any) -> dict[Any, tuple[int | None, int]]:
    """Return the committed offset and the lag of each assigned partition of a source.

    Changelogs are assigned too; they are read in recovery and never committed.
    """
    committed = consumer._committed_offset  # noqa: SLF001 - Faust tells it nowhere
    return {
        tp: (committed.get(tp), (consumer.highwater(tp) or 0) - (committed.get(tp) or 0))
        for tp in consumer.assignment()
        if consumer.app.topics.acks_enabled_for(tp.topic)
    }
