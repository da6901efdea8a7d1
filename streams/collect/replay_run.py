"""The loop of a replay: waits for event time, closes hours, sends, saves."""

import itertools
import time
from collections.abc import Callable, Iterator

import msgspec
import structlog

from schemas.codec import Codec
from schemas.pools import load_pools
from schemas.settings import Settings
from schemas.topics import POPULATION_PRIOR
from streams.collect.checkpoint import Checkpoint, CheckpointFile, sent_since
from streams.collect.event_clock import EventClock
from streams.collect.events import Event, merged_events
from streams.collect.hours import HOUR_MS
from streams.collect.pacing import Pacing
from streams.collect.positions import TopicPositions
from streams.collect.prior_watch import PriorWatch
from streams.collect.producer import TelemetryProducer
from streams.collect.replay_plan import MINUTE_MS, ReplayOptions
from streams.collect.requests import Requests
from streams.collect.rows import Rows

LOG = structlog.get_logger(__name__)
SAVE_EVERY_S = 1.0
TICK_EVERY_S = 1.0
# The last tick of old data: later than the moment that closes the last hour.
AFTER_END_MS = 2 * HOUR_MS

Progress = Callable[[int, int], None]


class ReplayRun:
    """Sends the events of a recording from a checkpoint on.

    Parameters
    ----------
    settings, codec, options, producer
        Where to and how.
    file
        Where it is saved how far all is delivered.
    begun, resumed
        What to go on from, and whether an earlier run has sent that.
    stopped
        Asked between events: whether to stop.
    """

    def __init__(
        self,
        settings: Settings,
        codec: Codec,
        options: ReplayOptions,
        producer: TelemetryProducer,
        file: CheckpointFile,
        begun: Checkpoint,
        *,
        resumed: bool,
        stopped: Callable[[], bool],
    ) -> None:
        self._options = options
        self._producer = producer
        self._file = file
        self._stopped = stopped
        self._sent = (
            sent_since(settings, codec, begun.source, begun.ends, producer.partitions)
            if resumed
            else {}
        )
        prior_ends = begun.prior_ends or _prior_ends(settings)
        self.watch = _watch(settings, codec, options, begun, prior_ends)
        self._pacing = Pacing(producer, self.watch, stopped)
        self._requests = (
            Requests(producer, load_pools(settings.pools_file)) if options.requests else None
        )
        self._clock = EventClock(options.speed, time.monotonic)
        self._minute = -1
        self._saved_s = self._ticked_s = time.monotonic()
        # Saved before anything is sent: what a kill leaves on the topic is looked for from here.
        ends = begun.ends if resumed else producer.ends()
        self._checkpoint = msgspec.structs.replace(begun, prior_ends=prior_ends, ends=ends)
        file.write(self._checkpoint)

    def send_all(self, rows: Rows, progress: Callable[[int, int], None]) -> Checkpoint:
        """Send what is not delivered yet; return how far that got."""
        event = None
        for event in self._unsent(merged_events(rows, self._options.resource)):
            self._wait_for(event)
            if self._stopped():
                return self._save(event.activity.seq)
            self._send(event)
            progress(event.place + 1, len(rows))
        now_ms = round(time.time() * 1000)
        end_ms = rows.end_ms() + AFTER_END_MS
        self._pacing.finish(now_ms if self._options.shift_to_now else end_ms)
        events = self._checkpoint.events if event is None else event.activity.seq + 1
        return self._save(events, done=not self._stopped())

    def _unsent(self, events: Iterator[Event]) -> Iterator[Event]:
        for event in itertools.islice(events, self._checkpoint.events):
            self._pacing.skip(event.activity.time)
        return events

    def _wait_for(self, event: Event) -> None:
        """Let event time come, ticking every second of wall time, and close hours before."""
        time_ms = event.activity.time
        while (ahead_s := self._clock.ahead_s(time_ms)) > 0 and not self._stopped():
            self._tick(time_ms)
            time.sleep(min(ahead_s, TICK_EVERY_S / 4))
        self._tick(time_ms)
        if time_ms // MINUTE_MS != self._minute:
            self._minute = time_ms // MINUTE_MS
            self._producer.send_open()  # no batch waits into the next minute: nothing gets late
        self._pacing.before(time_ms)
        if time.monotonic() - self._saved_s >= SAVE_EVERY_S:
            self._save(event.activity.seq)

    def _tick(self, upcoming_ms: int) -> None:
        """Tick at the event time that it is, where that runs with a clock."""
        if self._clock.runs and time.monotonic() - self._ticked_s >= TICK_EVERY_S:
            self._producer.tick(self._clock.event_ms(upcoming_ms) / 1000)
            self._ticked_s = time.monotonic()

    def _send(self, event: Event) -> None:
        pseudonym = self._producer.pseudonym(event.user)
        if event.activity.seq > self._sent.get(pseudonym, -1):
            self._producer.send(event.user, event.activity)
        if self._requests is not None:
            self._requests.send(event)

    def _save(self, events: int, *, done: bool = False) -> Checkpoint:
        self._producer.flush()
        self._checkpoint = msgspec.structs.replace(
            self._checkpoint,
            events=events,
            ends=self._producer.ends(),
            prior_ends=dict(self.watch.positions) if self.watch else self._checkpoint.prior_ends,
            prior_hour=self.watch.seen_hour if self.watch else self._checkpoint.prior_hour,
            done=done,
        )
        self._file.write(self._checkpoint)
        self._saved_s = time.monotonic()
        return self._checkpoint


def _prior_ends(settings: Settings) -> dict[int, int]:
    topic = settings.topic(POPULATION_PRIOR.name)
    positions = TopicPositions(settings, topic)
    count = positions.partitions()
    known = positions.ends(count) if count else {}
    return {partition: known.get(partition, 0) for partition in range(count)}


def _watch(
    settings: Settings,
    codec: Codec,
    options: ReplayOptions,
    begun: Checkpoint,
    ends: dict[int, int],
) -> PriorWatch | None:
    if not options.pace:
        return None
    if not ends:
        LOG.warning("not_paced", reason=f"no topic {settings.topic(POPULATION_PRIOR.name)}")
        return None
    return PriorWatch(
        settings, codec, ends, seen_hour=begun.prior_hour, timeout_s=options.pace_timeout_s
    )
