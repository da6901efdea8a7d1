"""One contender of the throughput bench: a framework doing the keyed task over the whole topic.

python -m tests.bench.contenders NAME WARM TOTAL FOLDER

The settings come from the environment, as a worker's do. Each is written as its own documentation
does it, at least once, state kept on a changelog (Bytewax: in its recovery store) each second
where the framework lets one choose. Those called `_full` make the whole update of a partition.
Ends itself at message TOTAL.
"""

import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from schemas.connection import kafka_config
from schemas.settings import Settings
from schemas.topics import TELEMETRY_ACTIVITY
from tests.bench.keyed_profile import FullProfile, KeyedProfile, Progress, Task

COMMIT_S = 1.0
OUTPUTS = "bench.outputs"
CHANGELOG = "bench.changelog"


def raw(task: Task, settings: Settings, folder: Path) -> None:
    """A loop over confluent-kafka that keeps state each second, then commits."""
    from confluent_kafka import Consumer, Producer  # noqa: PLC0415 - each has its own client

    del folder
    consumer = Consumer(
        {**kafka_config(settings), "group.id": settings.topic("raw"),
         "auto.offset.reset": "earliest", "enable.auto.commit": False}
    )  # fmt: skip
    producer = Producer({**kafka_config(settings), "linger.ms": 5, "compression.type": "lz4"})
    consumer.subscribe([settings.topic(TELEMETRY_ACTIVITY.name)])
    outputs, changelog = settings.topic(OUTPUTS), settings.topic(CHANGELOG)
    changed: dict[bytes, int] = {}
    saved_s = time.monotonic()
    while True:
        for message in consumer.consume(500, 0.1):
            for key, value in task.apply(message.value(), message.partition(), message.offset()):
                producer.produce(outputs, value, key)
            changed[message.key()] = message.partition()
            task.done()
        producer.poll(0)
        if changed and time.monotonic() - saved_s >= COMMIT_S:
            for key in changed:
                producer.produce(changelog, task.state(key), key)
            producer.flush()
            consumer.commit(asynchronous=False)
            changed.clear()
            saved_s = time.monotonic()


def faust(task: Task, settings: Settings, folder: Path) -> None:
    """Faust as its manual shows it: a table written with each event."""
    import faust  # noqa: PLC0415 - each has its own client

    brokers = ";".join(f"kafka://{a}" for a in settings.bootstrap_servers.split(","))
    app = faust.App(
        settings.topic("faust"), broker=brokers, datadir=str(folder), store="memory://",
        web_enabled=False, topic_disable_leader=True, broker_commit_interval=COMMIT_S,
        consumer_auto_offset_reset="earliest", producer_compression_type="lz4",
    )  # fmt: skip
    raw_bytes = {
        "key_type": bytes, "value_type": bytes, "key_serializer": "raw", "value_serializer": "raw",
    }  # fmt: skip
    source = app.topic(settings.topic(TELEMETRY_ACTIVITY.name), internal=False, **raw_bytes)
    sink = app.topic(settings.topic(OUTPUTS), internal=False, **raw_bytes)
    users = app.Table(
        "users", partitions=settings.user_partitions, key_type=bytes, value_type=bytes
    )

    @app.agent(source)
    async def profile(stream) -> None:
        async for event in stream.events():
            message = event.message
            for key, value in task.apply(message.value, message.partition, message.offset):
                await sink.send(key=key, value=value)
            users[message.key] = task.state(message.key)
            task.done()

    app.finalize()
    faust.Worker(app, loglevel="WARN").execute_from_commandline()


def quix(task: Task, settings: Settings, folder: Path) -> None:
    """Quix Streams with its RocksDB state and changelog."""
    from quixstreams import Application, message_context  # noqa: PLC0415 - only in its environment

    app = Application(
        broker_address=settings.bootstrap_servers, consumer_group=settings.topic("quix"),
        auto_offset_reset="earliest", commit_interval=COMMIT_S, state_dir=folder,
        loglevel="WARNING",
    )  # fmt: skip
    name = settings.topic(TELEMETRY_ACTIVITY.name)
    source = app.topic(name, key_deserializer="bytes", value_deserializer="bytes")
    sink = app.topic(
        settings.topic(OUTPUTS), key_serializer="bytes", value_serializer="bytes"
    )  # fmt: skip

    def profile(value, state) -> list[bytes]:
        place = message_context()
        made = task.apply(value, place.partition, place.offset)
        state.set_bytes("user", task.state(current[0]))
        task.done()
        return [output for _, output in made]

    current = [b""]

    def remember_key(value, key, timestamp, headers) -> bytes:
        del timestamp, headers
        current[0] = key
        return value

    frame = app.dataframe(source).apply(remember_key, metadata=True)
    frame.apply(profile, stateful=True, expand=True).to_topic(sink)
    app.run()


def bytewax(task: Task, settings: Settings, folder: Path) -> None:
    """Bytewax with a state for each user."""
    _bytewax(
        settings, folder, lambda message: message.key.decode(),
        lambda message: task.state(message.key), task,
    )  # fmt: skip


def bytewax_full(task: FullProfile, settings: Settings, folder: Path) -> None:
    """Bytewax with a state for each partition.

    Keyed by user it hands over what it has fetched user by user. A partition's clock then runs
    ahead with the first of them, and the others' events come too late: 55 % were put aside.
    """
    _bytewax(
        settings, folder, lambda message: str(message.partition),
        lambda message: task.state_of_all(message.partition), task,
    )  # fmt: skip


def _bytewax(settings: Settings, folder: Path, key_of: Any, state_of: Any, task: Task) -> None:
    """Bytewax with a stateful step, its Kafka source and sink, and its recovery store."""
    import bytewax.operators as op  # noqa: PLC0415 - only in the bench's environment
    from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource  # noqa: PLC0415
    from bytewax.dataflow import Dataflow  # noqa: PLC0415
    from bytewax.recovery import RecoveryConfig, init_db_dir  # noqa: PLC0415
    from bytewax.testing import run_main  # noqa: PLC0415

    class Profile(op.StatefulLogic):
        """One key."""

        latest = None

        def on_item(self, value) -> tuple:
            self.latest = value
            made = task.apply(value.value, value.partition, value.offset)
            task.done()
            return [KafkaSinkMessage(k, v) for k, v in made], op.StatefulLogic.RETAIN

        def snapshot(self) -> bytes:
            return state_of(self.latest)

    brokers = settings.bootstrap_servers.split(",")
    name = settings.topic(TELEMETRY_ACTIVITY.name)
    flow = Dataflow("profiles")
    source = op.input("in", flow, KafkaSource(brokers, [name], batch_size=500))
    profiled = op.stateful("profile", op.key_on("key", source, key_of), lambda _: Profile())
    sent = op.key_rm("values", profiled)
    op.output("out", sent, KafkaSink(brokers, settings.topic(OUTPUTS)))
    init_db_dir(folder, 1)
    run_main(
        flow, epoch_interval=timedelta(seconds=COMMIT_S), recovery_config=RecoveryConfig(folder)
    )


CONTENDERS = {
    "raw": (raw, KeyedProfile), "faust": (faust, KeyedProfile), "quix": (quix, KeyedProfile),
    "bytewax": (bytewax, KeyedProfile), "raw_full": (raw, FullProfile),
    "quix_full": (quix, FullProfile), "bytewax_full": (bytewax_full, FullProfile),
}  # fmt: skip


def main() -> None:
    name, warm, total, folder = sys.argv[1:]
    sys.argv[1:] = ["worker"]  # Faust reads it
    settings = Settings()
    framework, task = CONTENDERS[name]
    framework(task(settings, Progress(int(warm), int(total))), settings, Path(folder))


if __name__ == "__main__":
    main()
