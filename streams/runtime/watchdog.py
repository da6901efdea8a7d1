"""Ends a worker that has stopped working without an error: consumers of Faust can die silently."""

from typing import Any

from streams.runtime.guard import end_process

STUCK_S = 120.0


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
        for tp in consumer.assignment():
            committed = consumer._committed_offset.get(tp)  # noqa: SLF001 - Faust tells it nowhere
            lag = (consumer.highwater(tp) or 0) - (committed or 0)
            before, since_s = self._seen.get(tp, (None, now_s))
            if committed != before or lag <= 0:
                self._seen[tp] = (committed, now_s)
            elif now_s - since_s > STUCK_S:
                end_process("no commit though there is something to read", tp=str(tp), lag=lag)
            else:
                self._seen[tp] = (before, since_s)
