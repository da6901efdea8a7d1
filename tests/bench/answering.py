"""Times from telemetry produced to its prediction readable, at a steady load."""

import time
from collections.abc import Sequence
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

from schemas.connection import kafka_config
from schemas.records import ActivityBatch
from schemas.topics import PREDICTIONS_PROGRAMS, TELEMETRY_ACTIVITY
from streams.pipeline.outputs import place_of
from tests.bench.keyed_profile import partition_of
from tests.testkit.pipeline import Deployment

LAST_WAIT_S = 15.0


def answer_times(
    deployment: Deployment, log: Sequence[ActivityBatch], begun: Sequence[int], events_per_s: float
) -> list[float]:
    """Produce batches evenly in time and read predictions meanwhile.

    Parameters
    ----------
    deployment
        Its worker is at work, and has predicted for what is on the topic already.
    log
        What is produced.
    begun
        By partition, the offset that comes next.
    events_per_s
        The load.

    Returns
    -------
    list of float
        For each prediction, milliseconds from the call that handed its batch to the producer to
        the call that returned it.
    """
    reader, producer = _at_the_end(deployment), _producer(deployment)
    offsets, produced_s = list(begun), dict[tuple[str, int], float]()
    times: list[float] = []
    began_s, events = time.perf_counter(), 0
    for batch in log:
        due_s = began_s + events / events_per_s
        while (wait_s := due_s - time.perf_counter()) > 0:
            times += _read(reader, produced_s, min(wait_s, 0.002))
        number = partition_of(batch.user, len(begun))
        value = deployment.codec.encode(TELEMETRY_ACTIVITY, batch)
        produced_s[f"profile-{number}", offsets[number]] = time.perf_counter()
        name = deployment.settings.topic(TELEMETRY_ACTIVITY.name)
        producer.produce(name, value, batch.user, number)
        producer.poll(0)
        offsets[number] += 1
        events += len(batch.events)
        times += _read(reader, produced_s, 0)
    quiet_s = time.perf_counter() + LAST_WAIT_S
    while time.perf_counter() < quiet_s:
        times += _read(reader, produced_s, 0.1)
    reader.close()
    return times


def _read(reader: Consumer, produced_s: dict[tuple[str, int], float], wait_s: float) -> list[float]:
    messages = reader.consume(200, wait_s)
    now_s = time.perf_counter()
    began = [produced_s.get(_origin(message)) for message in messages]
    return [(now_s - began_s) * 1000 for began_s in began if began_s is not None]


def _origin(message: Any) -> tuple[str, int]:
    """The stage and the offset of the input that a prediction answers."""
    stage, (offset, _) = place_of(dict(message.headers())["ce_id"].decode())
    return stage, offset


def _producer(deployment: Deployment) -> Producer:
    return Producer({**kafka_config(deployment.settings), "linger.ms": 1})


def _at_the_end(deployment: Deployment) -> Consumer:
    """A reader of predictions from now on."""
    settings = deployment.settings
    reader = Consumer(
        {**kafka_config(settings), "group.id": settings.topic("answers"),
         "enable.auto.commit": False, "fetch.wait.max.ms": 5}
    )  # fmt: skip
    name = settings.topic(PREDICTIONS_PROGRAMS.name)
    places = [TopicPartition(name, n) for n in reader.list_topics(name).topics[name].partitions]
    ends = [reader.get_watermark_offsets(place, 10)[1] for place in places]
    reader.assign([TopicPartition(name, p.partition, e) for p, e in zip(places, ends, strict=True)])
    return reader
