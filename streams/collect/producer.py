"""The producer of telemetry: what a program says of its users, on its way to the pipeline."""

import platform
import time as clock
from collections.abc import Iterable
from datetime import datetime
from types import TracebackType
from typing import Self

import msgspec

from infra.observe import tracing
from schemas.codec import Codec, SchemaIds
from schemas.records import Activity, ActivityBatch, Tick
from schemas.registry import RegistryIds
from schemas.settings import Settings
from schemas.topics import TELEMETRY_ACTIVITY, TELEMETRY_TICKS, Topic
from streams.collect.batches import OpenBatches
from streams.collect.delivery import Delivery, DeliveryError
from streams.collect.numbering import Numbering
from streams.collect.positions import TopicPositions
from streams.collect.pseudonym import Pseudonyms
from streams.collect.validity import (
    InvalidActivityError,
    check_activity,
    check_name,
    milliseconds,
    whole_bytes,
)

When = datetime | float

# At most this many events in a message: about 50 KB, far under the broker's 1 MB.
MAX_EVENTS = 500
MAX_AGE_S = 1.0
DELIVERY_TIMEOUT_S = 300.0


class TelemetryProducer:
    """Sends users' activity, batched per user, each event once, user ids as pseudonyms.

    Not thread-safe. Batches leave when full, when old at the next call, at `flush` and at `tick`;
    a program that rarely sends should call `poll` once a second.

    Parameters
    ----------
    settings
        Where Kafka and the registry are, the topic prefix, the pseudonym key and the state folder.
    source
        Name of this producer, unique in the deployment; numbers of its events go on where they
        stopped.
    host
        Name of the machine, by default this one's.
    ids
        Source of schema ids, by default the registry.
    zone
        IANA time zone that the users live in, where it is known.
    max_events, max_age_s
        When a batch leaves.
    delivery_timeout_s
        How long a message is retried before the next call raises; `math.inf` for ever.

    Raises
    ------
    DeliveryError
        From any method, if an earlier message could not be delivered.
    InvalidActivityError
        From the sending methods, if the event has an unusable value; nothing of it is sent.

    Examples
    --------
    With a broker at hand (tests/integration/test_producer.py does it)::

        from schemas.settings import Settings

        with TelemetryProducer(Settings(), "my-desktop-agent") as telemetry:
            telemetry.launch("ada", "editor", time=1_700_000_000.0)
            telemetry.sample("ada", "editor", time=1_700_000_010.0, cpu_cores=0.5)
            telemetry.exit("ada", "editor", time=1_700_000_600.0)
            telemetry.tick(time=1_700_000_660.0)
    """

    def __init__(
        self,
        settings: Settings,
        source: str,
        *,
        host: str | None = None,
        ids: SchemaIds | None = None,
        zone: str | None = None,
        max_events: int = MAX_EVENTS,
        max_age_s: float = MAX_AGE_S,
        delivery_timeout_s: float = DELIVERY_TIMEOUT_S,
    ) -> None:
        check_name("source", source)
        self._settings = settings
        self.source = source
        self.sent = 0  # events handed to Kafka
        self._host = host or platform.node() or "unknown"
        self._zone = zone
        ids = ids or RegistryIds.of(settings)
        self._codec = Codec(ids, settings.topic_prefix)
        self._names = Pseudonyms.from_settings(settings)
        self._batches = OpenBatches(max_events, max_age_s)
        self._numbering: Numbering | None = None
        self._activity = settings.topic(TELEMETRY_ACTIVITY.name)
        self._ticks = settings.topic(TELEMETRY_TICKS.name)
        self._delivery = Delivery(settings, delivery_timeout_s)
        self.partitions = self._check_topics()
        # What stood before counts too: a tick must not overtake what an earlier run has sent.
        positions = TopicPositions(settings, self._activity)
        for partition, end in positions.ends(self.partitions).items():
            self._delivery.know_end(self._activity, partition, end)

    def launch(self, user: str, program: str, time: When, *, session: str | None = None) -> None:
        """Say that a user started a program; `session` tells apart runs of one program."""
        self._send(user, "LAUNCH", program, time, session=session)

    def exit(
        self,
        user: str,
        program: str,
        time: When,
        *,
        session: str | None = None,
        outcome: str | None = None,
    ) -> None:
        """Say that a run of a program ended."""
        self._send(user, "EXIT", program, time, session=session, outcome=outcome)

    def switch(self, user: str, program: str, time: When, *, session: str | None = None) -> None:
        """Say that a user turned to a program that was running already."""
        self._send(user, "SWITCH", program, time, session=session)

    def sample(
        self,
        user: str,
        program: str,
        time: When,
        *,
        session: str | None = None,
        cpu_cores: float | None = None,
        memory_bytes: float | None = None,
        storage_bytes: float | None = None,
        disk_bytes_per_s: float | None = None,
        network_bytes_per_s: float | None = None,
    ) -> None:
        """Say what a user's runs of a program hold together from now on; left out is none held."""
        self._send(
            user, "SAMPLE", program, time, session=session, cpu_cores=cpu_cores,
            memory_bytes=whole_bytes(memory_bytes), storage_bytes=whole_bytes(storage_bytes),
            disk_bytes_per_s=disk_bytes_per_s, network_bytes_per_s=network_bytes_per_s,
        )  # fmt: skip

    def access(
        self, user: str, program: str, time: When, data: str, *, session: str | None = None
    ) -> None:
        """Say that a program touched data; its name leaves this process only as a keyed hash."""
        if not data:
            raise InvalidActivityError("data has no name")
        self._send(user, "ACCESS", program, time, session=session, data_ref=data)

    def wait(
        self,
        user: str,
        program: str,
        time: When,
        wait_s: float,
        *,
        session: str | None = None,
        outcome: str = "ok",
    ) -> None:
        """Say how long a user waited for a program: `outcome` is ok, abandoned or failed."""
        self._send(user, "WAIT", program, time, session=session, wait_s=wait_s, outcome=outcome)

    def _send(self, user: str, kind: str, program: str, time: When, **fields: object) -> None:
        time_ms = milliseconds(time)
        event = {"seq": 0, "time": time_ms, "kind": kind, "program": program, **fields}
        try:
            activity = msgspec.convert(event, Activity)
            check_activity(activity)
        except msgspec.ValidationError as error:
            raise InvalidActivityError(str(error)) from error
        check_name("user", user)
        self.send(user, msgspec.structs.replace(activity, seq=self._number()))

    def send(self, user: str, event: Activity) -> None:
        """Send an event that the caller has numbered: rising in time, never used before."""
        check_name("user", user)
        check_activity(event)
        if event.data_ref is not None:
            event = msgspec.structs.replace(event, data_ref=self._names.data(event.data_ref))
        complete = self._batches.add(self._names.user(user), event, clock.monotonic())
        if complete is not None:
            self._send_batch(self._names.user(user), complete)
        self.poll()

    def pseudonym(self, user: str) -> str:
        """Return what stands for a user on the topics."""
        return self._names.user(user)

    def data_ref(self, name: str) -> str:
        """Return what stands for data on the topics, which is all that tells of it there."""
        return self._names.data(name)

    def publish(self, topic: Topic, key: str | None, record: msgspec.Struct) -> None:
        """Send another topic's record, such as an allocation request, at once."""
        value = self._codec.encode(topic, record)
        with tracing.begun(f"publish {topic.name}"):
            self._delivery.produce(
                self._settings.topic(topic.name), key, value, headers=tracing.headers()
            )

    def poll(self) -> None:
        """Send the batches that are old enough."""
        self._send_batches(self._batches.due(clock.monotonic()))
        self._delivery.poll()

    def send_open(self) -> None:
        """Send all open batches without waiting for their delivery."""
        self._send_batches(self._batches.drain())

    def flush(self, timeout_s: float | None = None) -> None:
        """Wait until everything is delivered."""
        self.send_open()
        self._delivery.flush(timeout_s)

    def settle(self, timeout_s: float) -> bool:
        """Send all open batches; return whether all is delivered in that time."""
        self.send_open()
        return self._delivery.settle(timeout_s) == 0

    def tick(self, time: When) -> None:
        """Say that no later event is older than this (by more than the allowed lateness).

        Goes to every partition, and names the activity that has to be applied before it counts;
        therefore it waits until that is delivered.
        """
        time_ms = milliseconds(time)
        self.flush()
        for partition in range(self.partitions):
            end = self._delivery.end(self._activity, partition)
            tick = Tick(source=self.source, time=time_ms, partition=partition, activity_offset=end)
            value = self._codec.encode(TELEMETRY_TICKS, tick)
            with tracing.begun("publish telemetry.ticks", partition=partition):
                self._delivery.produce(
                    self._ticks, None, value, partition, headers=tracing.headers()
                )
        self._delivery.poll()

    def ends(self) -> dict[int, int]:
        """Return the offset after the last activity delivered, per partition that has any."""
        ends = ((p, self._delivery.end(self._activity, p)) for p in range(self.partitions))
        return {p: end for p, end in ends if end is not None}

    def close(self, timeout_s: float | None = None) -> None:
        """Flush and let go of the source's numbers."""
        try:
            self.flush(timeout_s)
        finally:
            if self._numbering is not None:
                self._numbering.close()
                self._numbering = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _number(self) -> int:
        if self._numbering is None:
            self._numbering = Numbering(self._settings.state_dir, self.source)
        return self._numbering.take()

    def _send_batches(self, batches: Iterable[tuple[str, list[Activity]]]) -> None:
        for user, events in batches:
            self._send_batch(user, events)

    def _send_batch(self, user: str, events: list[Activity]) -> None:
        batch = ActivityBatch(
            user=user, host=self._host, source=self.source, events=events, zone=self._zone
        )
        value = self._codec.encode(TELEMETRY_ACTIVITY, batch)
        with tracing.begun("publish telemetry.activity", events=len(events)):
            self._delivery.produce(self._activity, user, value, headers=tracing.headers())
        self.sent += len(events)

    def _check_topics(self) -> int:
        counts = self._delivery.partitions()
        for name in (self._activity, self._ticks):
            if name not in counts:
                raise DeliveryError(f"no topic {name}; `warmfront topics --create` makes it")
        if counts[self._activity] != counts[self._ticks]:
            raise DeliveryError(
                f"{self._ticks} has {counts[self._ticks]} partitions, {self._activity} has "
                f"{counts[self._activity]}: a tick must reach each; give both equally many"
            )
        return counts[self._activity]
