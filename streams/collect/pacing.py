"""Brings the pipeline past the hours of event time before the replay goes past them."""

from collections.abc import Callable

from streams.collect.hours import HOUR_MS, OpenHours, applies_from_ms
from streams.collect.prior_watch import PriorWatch
from streams.collect.producer import TelemetryProducer


class Pacing:
    """Ticks at the hours of event time, and waits until they are closed.

    Parameters
    ----------
    producer
        Sends the ticks.
    watch
        Knows which hours are closed; None waits for none.
    stopped
        Asked while waiting: whether to stop.
    """

    def __init__(
        self, producer: TelemetryProducer, watch: PriorWatch | None, stopped: Callable[[], bool]
    ) -> None:
        self._producer = producer
        self._watch = watch
        self._stopped = stopped
        self._hours = OpenHours()

    def skip(self, time_ms: int) -> None:
        """Note an event that an earlier run has sent, and paced."""
        self._hours.close_before(time_ms)
        self._hours.note(time_ms)

    def before(self, time_ms: int) -> None:
        """Close what an event at `time_ms` has to see closed; it is sent next."""
        hour = self._hours.close_before(time_ms)
        self._hours.note(time_ms)
        if hour is None:
            return
        self._tick(applies_from_ms(hour))
        if self._watch is not None:
            self._watch.wait(hour, self._stopped)
        begins_ms = time_ms // HOUR_MS * HOUR_MS
        if begins_ms > applies_from_ms(hour):
            self._tick(begins_ms)

    def finish(self, time_ms: int) -> None:
        """Say that event time is `time_ms` and nothing more comes; close what that closes."""
        hour = self._hours.close_before(time_ms)
        self._tick(time_ms)
        if self._watch is not None and hour is not None:
            self._watch.wait(hour, self._stopped)

    def _tick(self, time_ms: int) -> None:
        self._producer.tick(time_ms / 1000)
