"""Owns one partition of the pools: reads its messages, keeps its pools, commits, then calls."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import structlog

from allocator.clock import PartitionClock
from allocator.executor import Executor, Listing, Reading
from allocator.journal import DeadLetter, Journal
from allocator.machine.lifecycle import Phase
from allocator.machine.observed import Call, Verb
from allocator.machine.outbox import Outbox
from allocator.machine.starts import StartCall, StartEnd
from allocator.options import AllocatorOptions
from allocator.reconcile.calls import ANY
from allocator.reconcile.pool import MINUTE_MS, PoolReconciler
from allocator.requests import InvalidRequestError, bury, read_forecast, read_request
from infra.observe import allocator as metrics
from infra.observe import tracing
from schemas.codec import Codec, UndecodableError
from schemas.crash_points import AllocatorPoint, reached
from schemas.pools import Pool, pool_of
from schemas.records import ProgramPrediction
from schemas.settings import Settings
from schemas.topics import ALLOCATION_REQUESTS, FORECASTS_DEMAND

LOG = structlog.get_logger(__name__)

# A replay commits at least once in so much event time while calls wait for the commit: far less
# than a launch takes, so that nothing becomes ready before its call was made.
SPAN_MS = 20_000
# Only these can make something ready; a commit costs 10 to 40 ms, the others wait for the next.
BUILDING = (Verb.CREATE, Verb.REBUILD)
# A gap in a replay is stepped through minute by minute, at most this far.
GAP_MINUTES = 1_440
# In live operation, pools are looked after this often when nothing happens.
CYCLE_S = 1.0
# And at most this often: its transaction takes as long as that of the answers, 20 ms at half load.
# One after each of theirs doubled what requests wait; launches take minutes.
PAUSE_S = 0.25
# What the reserve needs goes into transactions of so many answers, found and new instances each:
# a request that comes meanwhile waits for one of 20 ms, not for hundreds of launches. The rest
# follows without a pause, after the requests that have come.
SLICE = 32
# Of each pool, where there are many.
LEAST_SLICE = 8
# One assigned instance of each pool is asked what it uses so often.
READ_EVERY_S = 5.0


def for_pool(
    prediction: ProgramPrediction, pool: str, pools: Mapping[str, Pool]
) -> ProgramPrediction:
    """Return a prediction with those candidates only that a pool serves."""
    known = tuple(pools.values())
    mine = [c for c in prediction.candidates if pool_of(c.program, known) == pool]
    return msgspec.structs.replace(prediction, candidates=mine)


class PartitionOwner:
    """The one writer of a partition's pools.

    Parameters
    ----------
    settings, options
        The deployment, and how the allocator is run.
    codec
        Of the records.
    pools
        All pools, by name.
    reconcilers
        Those of this partition.
    journal, executor, clock
        Its transactions, calls and time.
    group
        Returns the consumer group's metadata, which offsets are committed with.
    """

    def __init__(
        self, settings: Settings, options: AllocatorOptions, codec: Codec,
        pools: Mapping[str, Pool], reconcilers: Mapping[str, PoolReconciler], journal: Journal,
        executor: Executor, clock: PartitionClock, group: Callable[[], Any],
        counters: Counter[str],
    ) -> None:  # fmt: skip
        self._options = options
        self._codec = codec
        self._pools = pools
        self._reconcilers = reconcilers
        self._journal = journal
        self._executor = executor
        self._clock = clock
        self._group = group
        self._counters = counters
        self._requests = settings.topic(ALLOCATION_REQUESTS.name)
        self._offsets: dict[str, int] = {}
        self._cause: Any = None  # the traced message that the next commit answers to
        self._letters: list[DeadLetter] = []
        self._calls_since_ms: int | None = None
        self._cycle_s = 0.0
        self._slice = max(LEAST_SLICE, SLICE // max(1, len(reconcilers)))
        self._is_stirred = False  # by requests since the pools were last looked after
        self._has_more = False
        self._listed_s = 0.0
        self._read_s = 0.0
        self._reads = 0

    @property
    def pools(self) -> Mapping[str, PoolReconciler]:
        """The pools of this partition, for hints about them."""
        return self._reconcilers

    @property
    def now_ms(self) -> int | None:
        """The partition's time; None before it has begun."""
        return self._clock.now_ms() if self._clock.has_begun else None

    @property
    def has_more(self) -> bool:
        """Whether what the pools need did not fit in one transaction: `cycle` goes on at once."""
        return self._has_more

    def handle(self, messages: Sequence[Any]) -> None:
        """Act on messages and commit.

        Raises
        ------
        KafkaException
            If the commit failed: start again from what is committed.
        """
        for message in messages:
            is_request = message.topic() == self._requests
            what = "request" if is_request else "forecast"
            with tracing.continued(f"allocator {what}", message.headers()):
                if is_request:
                    self._request(message)
                else:
                    self._forecast(message)
                self._cause = tracing.cause() or self._cause
            # Not before: a replay may commit amid a message, before it was applied.
            self._offsets[message.topic()] = message.offset() + 1
        reached(AllocatorPoint.DECIDED)
        self._commit()

    def predicted(self, prediction: ProgramPrediction) -> None:
        """Tell every pool what somebody is likely to start next; what follows is committed later.

        Predictions have no position: they are worth nothing after a minute, so after a restart
        reading goes on with what comes then.
        """
        if self._clock.has_begun:
            for reconciler in self._reconcilers.values():
                reconciler.prediction(
                    for_pool(prediction, reconciler.ledger.pool, self._pools), self._clock.now_ms()
                )

    def cycle(self) -> None:
        """Take in what the cloud answered, and look after the pools when it is time."""
        since_s = time.monotonic() - self._cycle_s
        is_pausing = self._clock.is_live and since_s < PAUSE_S and not self._has_more
        if is_pausing or not self._clock.has_begun:
            return
        now_ms = self._clock.now_ms()
        pools = self._reconcilers.values()
        most = self._slice if self._clock.is_live else ANY
        news = self._take_answers(now_ms, most)
        if news:
            reached(AllocatorPoint.ANSWERED)
        is_due = self._is_stirred or self._has_more or since_s >= CYCLE_S
        if self._clock.is_live and (news or is_due):
            self._cycle_s, self._is_stirred = time.monotonic(), False
            self._ask_listings(now_ms)
            self._ask_use(now_ms)
            self._step(now_ms, most)
            self._has_more = news >= SLICE or any(r.has_more for r in pools)
        if news or is_due:
            self._commit()

    def close(self) -> None:
        """Give the partition up: commit what is done, make no more calls."""
        try:
            self._commit()
            reached(AllocatorPoint.PARTITION_CLOSED)
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Forget everything: somebody else owns the partition."""
        metrics.RESERVE.forget(self._reconcilers)
        self._executor.close()

    def _request(self, message: Any) -> None:
        try:
            pool, request = read_request(
                self._codec, message.value(), self._pools, self._reconcilers
            )
        except (UndecodableError, InvalidRequestError) as error:
            self._letters.append(bury(message, ALLOCATION_REQUESTS, error))
            self._counters["dead_letters"] += 1
            return
        self._advance(request.time)
        now_ms = self._clock.now_ms()
        reconciler = self._reconcilers[pool]
        if not self._clock.is_live:
            self._list_now(reconciler, now_ms, collect=False)
        reconciler.request(request, now_ms)
        if self._clock.is_live:
            # The answer is committed first: what follows for the reserve took 2 ms a request.
            self._is_stirred = True
        else:
            reconciler.step(now_ms)
            self._note_calls(now_ms)
        self._counters["requests"] += 1
        metrics.REQUESTS.inc()

    def _forecast(self, message: Any) -> None:
        try:
            forecast = read_forecast(self._codec, message.value())
        except (UndecodableError, InvalidRequestError) as error:
            self._letters.append(bury(message, FORECASTS_DEMAND, error))
            self._counters["dead_letters"] += 1
            return
        self._counters["forecasts"] += 1
        if forecast.resource == "INSTANCES" and forecast.horizon == "HOUR":
            self._advance(forecast.made_at)
            if forecast.pool in self._reconcilers:
                self._reconcilers[forecast.pool].forecast(forecast)

    def _advance(self, event_ms: int) -> None:
        """Let event time pass: in a replay, minute by minute, so that no decision is left out."""
        before_ms = self._clock.now_ms() if self._clock.has_begun else event_ms
        if not self._clock.is_live:
            first = max(before_ms // MINUTE_MS + 1, event_ms // MINUTE_MS - GAP_MINUTES)
            for minute in range(first, event_ms // MINUTE_MS + 1):
                self._clock.saw(minute * MINUTE_MS)
                self._flush_late_calls()
                if self._clock.is_live:
                    break
                self._minute()
        self._clock.saw(event_ms)
        self._flush_late_calls()

    def _minute(self) -> None:
        now_ms = self._clock.now_ms()
        for reconciler in self._reconcilers.values():
            self._list_now(reconciler, now_ms, collect=True)
        self._step(now_ms)

    def _list_now(self, reconciler: PoolReconciler, now_ms: int, *, collect: bool) -> None:
        ledger = reconciler.ledger
        if not collect and ledger.coming == 0:
            return
        listing = self._executor.list_now(ledger.pool, now_ms)
        if listing.found is not None:
            reconciler.listing(listing.found, now_ms, collect=collect)
            self._note_quota(listing)

    def _ask_listings(self, now_ms: int) -> None:
        if time.monotonic() - self._listed_s < self._options.poll_s:
            return
        self._listed_s = time.monotonic()
        for pool, reconciler in self._reconcilers.items():
            if not reconciler.is_listing:
                self._executor.submit_listing(pool, now_ms)

    def _ask_use(self, now_ms: int) -> None:
        """Ask one assigned instance of each pool, in turn, what it uses."""
        if time.monotonic() - self._read_s < READ_EVERY_S:
            return
        self._read_s = time.monotonic()
        self._reads += 1
        for pool, reconciler in self._reconcilers.items():
            name = reconciler.ledger.nth(Phase.ASSIGNED, self._reads)
            if name is not None and name.instance_id is not None and not name.asleep:
                self._executor.submit_reading(pool, name.instance_id, now_ms)

    def _take_answers(self, now_ms: int, most: int) -> int:
        """Take in what the cloud answered, about `most` of it; return how many answers."""
        for reconciler in self._reconcilers.values():
            reconciler.list_on(most)
        ends = self._executor.ended(max(most, SLICE))
        for end in ends:
            if isinstance(end, Listing):
                self._listed(end, most)
            elif isinstance(end, Reading):
                if end.use is not None:
                    use = self._reconcilers[end.pool].watch.use
                    use.read(end.instance_id, end.asked_ms, end.use)
            elif isinstance(end, StartEnd):
                self._reconcilers[end.call.pool].started(end, now_ms)
            else:
                self._reconcilers[end.call.pool].answer(end, now_ms)
        return len(ends)

    def _listed(self, listing: Listing, most: int) -> None:
        reconciler = self._reconcilers[listing.pool]
        if listing.found is None:
            self._counters["listings_failed"] += 1
            metrics.LISTING_FAILURES.inc()
            return
        reconciler.listing(listing.found, listing.asked_ms, most=most)
        self._note_quota(listing)

    def _note_quota(self, listing: Listing) -> None:
        """Tell every pool of this partition: they share the quota."""
        if listing.quota_left is not None:
            for reconciler in self._reconcilers.values():
                reconciler.sizer.quota(listing.quota_left)

    def _step(self, now_ms: int, most: int = ANY) -> None:
        for reconciler in self._reconcilers.values():
            reconciler.step(now_ms, most)
        self._note_calls(now_ms)

    def _note_calls(self, now_ms: int) -> None:
        if self._calls_since_ms is None and any(
            call.verb in BUILDING for r in self._reconcilers.values() for call in r.outbox.calls
        ):
            self._calls_since_ms = now_ms

    def _flush_late_calls(self) -> None:
        since_ms = self._calls_since_ms
        if since_ms is not None and self._clock.now_ms() - since_ms > SPAN_MS:
            self._commit()

    def _commit(self) -> None:
        """Commit what was decided, and only then call the cloud."""
        changes, outbox = self._take()
        self._calls_since_ms = None
        if not (any(changes.values()) or outbox or self._letters or self._offsets):
            return
        started_s = time.monotonic()
        now_ms = self._clock.now_ms() if self._clock.has_begun else 0
        with tracing.under(self._cause, "allocator commit"):
            self._cause = None
            self._journal.commit(
                changes, outbox, self._letters, self._offsets, self._group(), now_ms
            )
            took_s = time.monotonic() - started_s
            self._counters["commits"] += 1
            self._counters["commit_us"] += int(took_s * 1e6)
            metrics.committed(outbox, self._letters, took_s)
            self._letters, self._offsets = [], {}
            for call in outbox.calls:
                self._call(call)
            for start in outbox.starts:
                self._start(start)

    def _take(self) -> tuple[dict[str, dict[str, bytes | None]], Outbox]:
        whole = Outbox()
        changes: dict[str, dict[str, bytes | None]] = {}
        for pool, reconciler in self._reconcilers.items():
            changes[pool], outbox = reconciler.take()
            whole.add(outbox)
        return changes, whole

    def _call(self, call: Call) -> None:
        self._counters["calls"] += 1
        if self._clock.is_live:
            self._executor.submit(call)
        else:
            result = self._executor.make_now(call)
            self._reconcilers[call.pool].answer(result, self._clock.now_ms())

    def _start(self, call: StartCall) -> None:
        self._counters["starts"] += 1
        if self._clock.is_live:
            self._executor.submit_start(call)
        else:
            end = self._executor.start_now(call)
            self._reconcilers[call.pool].started(end, self._clock.now_ms())
