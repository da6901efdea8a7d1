"""Replays a recording as telemetry: at full speed, or in real time, and each event once.

Sending is deterministic: the n-th event of a file has number n, so that a replay goes on where it
was stopped, and what a kill left in doubt is found on the topic.
"""

import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from schemas.codec import Codec, SchemaIds
from schemas.registry import RegistryIds
from schemas.settings import Settings
from schemas.topics import TELEMETRY_ACTIVITY
from streams.collect.checkpoint import Checkpoint, CheckpointFile
from streams.collect.positions import TopicPositions
from streams.collect.prior_watch import PriorWatch
from streams.collect.producer import TelemetryProducer
from streams.collect.replay_plan import MINUTE_MS, ReplayOptions, read_plan, shift_to
from streams.collect.replay_run import Progress, ReplayRun


class ReplayReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay did.

    Parameters
    ----------
    source
        Its name as a producer.
    rows, skipped_rows
        Rows replayed and left out.
    events, resumed_at
        Events sent by this run, and the number that it began with.
    seconds
        How long it took.
    paced, pace_timeouts
        Whether it waited for the pipeline to the end, and hours that were not closed in time.
    shift_s
        What was added to all times.
    stopped
        Whether it was stopped before the end.
    """

    source: str
    rows: int
    skipped_rows: int
    events: int
    resumed_at: int
    seconds: float
    paced: bool
    pace_timeouts: int
    shift_s: float
    stopped: bool


class Replay:
    """One run of one recording.

    Parameters
    ----------
    settings
        Where to.
    path
        The recording.
    options
        How.
    ids
        Source of schema ids, by default the registry.
    stopped
        Asked between events: whether to stop, saved, before the end.

    Raises
    ------
    RecordingError
        If the file can't be used.
    DeliveryError
        If Kafka can't be reached or does not take what is sent.
    HeldByAnotherError
        If the same recording is being replayed by another process.
    """

    def __init__(
        self,
        settings: Settings,
        path: Path,
        options: ReplayOptions,
        *,
        ids: SchemaIds | None = None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._settings = settings
        self._options = options
        self._stopped = stopped
        self._ids = ids or RegistryIds.of(settings)
        self._codec = Codec(self._ids, settings.topic_prefix)
        self.plan = read_plan(path, options)
        self._file = CheckpointFile(
            settings.state_dir, f"{settings.topic_prefix}{self.plan.fingerprint}"
        )

    def run(self, progress: Progress = lambda _done, _rows: None) -> ReplayReport:
        """Send what was not sent yet; `progress` hears of rows done and rows in all."""
        began_s = time.monotonic()
        begun, resumed = self._begin()
        if begun.done:
            return self._report(begun, begun, None, began_s)
        plan = self.plan.shifted(begun.shift_ms)
        with TelemetryProducer(self._settings, begun.source, ids=self._ids) as producer:
            run = ReplayRun(
                self._settings, self._codec, self._options, producer, self._file, begun,
                resumed=resumed, stopped=self._stopped,
            )  # fmt: skip
            last = run.send_all(plan.rows, progress)
            return self._report(begun, last, run.watch, began_s)

    def close(self) -> None:
        """Let go of the checkpoint's file."""
        self._file.close()

    def _begin(self) -> tuple[Checkpoint, bool]:
        """Return what to go on from, and whether that was saved by an earlier run."""
        topic = self._settings.topic(TELEMETRY_ACTIVITY.name)
        identity = TopicPositions(self._settings, topic).identity()
        saved = self._file.read(identity) if self._options.resume else None
        if saved is not None:
            return saved, True
        shift_ms = 0
        kind = "synthetic" if self._options.synthetic else "replay"
        source = f"{kind}-{self.plan.fingerprint}"
        if self._options.shift_to_now:
            # Another shift makes other events, so they are of another source.
            shift_ms = shift_to(self.plan.rows, round(time.time() * 1000))
            source += f"-{shift_ms // MINUTE_MS}"
        return Checkpoint(topic_id=identity, source=source, shift_ms=shift_ms), False

    def _report(
        self, begun: Checkpoint, last: Checkpoint, watch: PriorWatch | None, began_s: float
    ) -> ReplayReport:
        return ReplayReport(
            source=last.source,
            rows=len(self.plan.rows),
            skipped_rows=len(self.plan.rows.bad),
            events=last.events - begun.events,
            resumed_at=begun.events,
            seconds=round(time.monotonic() - began_s, 3),
            paced=watch is not None and not watch.given_up,
            pace_timeouts=watch.timeouts if watch else 0,
            shift_s=last.shift_ms / 1000,
            stopped=not last.done,
        )
