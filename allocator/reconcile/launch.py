"""Launches: intents first, within the cap, with pauses after refusals."""

from allocator.machine.ledger import PoolLedger
from allocator.machine.observed import Verb
from allocator.machine.outbox import Outbox
from allocator.reconcile.calls import CallBook
from allocator.reconcile.plan import Timings


class Backoff:
    """Doubles the pause after each refusal, up to a bound; a success ends it.

    Examples
    --------
    >>> pause = Backoff(Timings())
    >>> pause.refused(0); pause.is_over(1_000), pause.is_over(2_000)
    (False, True)
    """

    def __init__(self, timings: Timings) -> None:
        self._timings = timings
        self._refusals = 0
        self._until_ms = -(2**62)

    def is_over(self, now_ms: int) -> bool:
        """Tell whether launches may go on."""
        return now_ms >= self._until_ms

    def refused(self, now_ms: int, asked_ms: int = 0) -> None:
        """Pause longer than last time, and as long as the cloud asked for.

        Refusals of calls made together count once.
        """
        if not self.is_over(now_ms):
            self._until_ms = max(self._until_ms, now_ms + asked_ms)
            return
        pause_ms = self._timings.backoff_ms * 2 ** min(self._refusals, 30)
        self._refusals += 1
        pause_ms = min(pause_ms, self._timings.max_backoff_ms)
        self._until_ms = now_ms + max(pause_ms, asked_ms)

    def succeeded(self) -> None:
        """End the pauses."""
        self._refusals = 0


def launch(
    ledger: PoolLedger, book: CallBook, backoff: Backoff, count: int, now_ms: int, reason: str,
    outbox: Outbox,
) -> int:  # fmt: skip
    """Plan up to `count` instances; return how many the cap, the book and refusals allowed."""
    if not backoff.is_over(now_ms):
        return 0
    allowed = min(count, ledger.room, book.room)
    for _ in range(allowed):
        book.ask(Verb.CREATE, ledger.plan(now_ms, reason), now_ms, reason, outbox)
    return max(allowed, 0)
