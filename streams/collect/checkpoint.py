"""How far a replay got: kept in a file, and where that is behind, found on the topic.

The file is written about once a second. After a kill the topic holds more than it says; the few
messages since are read back, so that the replay goes on without repeating one.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec
from confluent_kafka import KafkaError, TopicPartition

from schemas.codec import Codec, UndecodableError
from schemas.records import ActivityBatch
from schemas.settings import Settings
from schemas.topics import TELEMETRY_ACTIVITY
from streams.collect.delivery import DeliveryError
from streams.collect.exclusive import ExclusiveFile
from streams.collect.prior_watch import group_less_consumer

VERSION = 1
READ_TIMEOUT_S = 30.0


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one replay.

    Parameters
    ----------
    topic_id
        Identity of the topic that the events went to.
    source
        The replay's name as a producer.
    shift_ms
        What was added to all times.
    events
        All events before this number are delivered.
    ends
        End of each partition of telemetry.activity then.
    prior_ends, prior_hour
        Where population.prior was read to, and the latest hour seen there.
    done
        Whether all is delivered and the last tick sent.
    """

    topic_id: str
    source: str
    shift_ms: int
    events: int = 0
    ends: dict[int, int] = msgspec.field(default_factory=dict)
    prior_ends: dict[int, int] = msgspec.field(default_factory=dict)
    prior_hour: int = -1
    done: bool = False
    version: int = VERSION


class CheckpointFile:
    """The file of one recording's replay; held by one process at a time."""

    def __init__(self, state_dir: Path, fingerprint: str) -> None:
        self._file = ExclusiveFile(state_dir / "replays" / f"{fingerprint}.json")

    def read(self, topic_id: str) -> Checkpoint | None:
        """Return what was saved; None where nothing usable was, or for a topic now gone."""
        text = self._file.read()
        if text is None:
            return None
        try:
            saved = msgspec.json.decode(text, type=Checkpoint)
        except msgspec.DecodeError:
            return None
        return saved if (saved.version, saved.topic_id) == (VERSION, topic_id) else None

    def write(self, checkpoint: Checkpoint) -> None:
        """Save."""
        self._file.write(msgspec.json.encode(checkpoint).decode())

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def sent_since(
    settings: Settings, codec: Codec, source: str, ends: Mapping[int, int], partitions: int
) -> dict[str, int]:
    """Return the last number of `source` after `ends`, per user as named on the topic.

    Raises
    ------
    DeliveryError
        If the topic can't be read.
    """
    topic = settings.topic(TELEMETRY_ACTIVITY.name)
    consumer = group_less_consumer(settings)
    consumer.assign([TopicPartition(topic, p, ends.get(p, 0)) for p in range(partitions)])
    last: dict[str, int] = {}
    left = set(range(partitions))
    try:
        while left:
            message = consumer.poll(READ_TIMEOUT_S)
            if message is None:
                raise DeliveryError(f"can't read {topic} back: no answer in {READ_TIMEOUT_S:.0f} s")
            if message.error() is None:
                _note(last, codec, source, message.value())
            elif message.error().code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its name
                left.discard(message.partition())  # told again where its leader changed
    finally:
        consumer.close()
    return last


def _note(last: dict[str, int], codec: Codec, source: str, value: bytes | None) -> None:
    try:
        batch = codec.decode(TELEMETRY_ACTIVITY, value, ActivityBatch)
    except UndecodableError:
        return  # somebody else's
    if batch.source == source and batch.events:
        last[batch.user] = max(last.get(batch.user, -1), batch.events[-1].seq)
