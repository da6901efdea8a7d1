"""The producer on a real broker: once, in order, with ticks that do not overtake."""

import threading

import pytest
from confluent_kafka.admin import AdminClient, NewPartitions

from infra.local.broker import LocalKafka
from schemas.codec import Codec, MemoryIds
from schemas.records import ActivityBatch, Tick
from schemas.settings import Settings
from schemas.topics import TELEMETRY_ACTIVITY, TELEMETRY_TICKS
from streams.collect import DeliveryError, InvalidActivityError, TelemetryProducer
from tests.testkit.pipeline import wait_for
from tests.testkit.telemetry import create_topics, read_all

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]


@pytest.fixture
def settings(kafka_bootstrap, topic_prefix, tmp_path) -> Settings:
    create_topics(kafka_bootstrap, topic_prefix)
    return Settings(
        bootstrap_servers=kafka_bootstrap, topic_prefix=topic_prefix, state_dir=tmp_path
    )


@pytest.fixture
def ids() -> MemoryIds:
    return MemoryIds()


def batches(settings: Settings, ids: MemoryIds) -> list[ActivityBatch]:
    codec = Codec(ids, settings.topic_prefix)
    found = read_all(settings.bootstrap_servers, settings.topic("telemetry.activity"))
    return [codec.decode(TELEMETRY_ACTIVITY, m.value(), ActivityBatch) for m in found]


def ticks(settings: Settings, ids: MemoryIds) -> dict[int, Tick]:
    codec = Codec(ids, settings.topic_prefix)
    found = read_all(settings.bootstrap_servers, settings.topic("telemetry.ticks"))
    return {m.partition(): codec.decode(TELEMETRY_TICKS, m.value(), Tick) for m in found}


def test_a_users_events_travel_together_and_numbers_go_on_in_the_next_run(settings, ids) -> None:
    for run in range(2):
        with TelemetryProducer(settings, "agent", ids=ids) as telemetry:
            telemetry.launch("ada", "editor", 10.0 + run)
            telemetry.wait("ada", "editor", 11.0 + run, 1.0)
            telemetry.sample("ada", "editor", 12.0 + run, cpu_cores=0.5, memory_bytes=1e6)
            telemetry.exit("ada", "editor", 13.0 + run, outcome="ok")
    sent = batches(settings, ids)
    assert [[e.seq for e in batch.events] for batch in sent] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert [e.kind for e in sent[0].events] == ["LAUNCH", "WAIT", "SAMPLE", "EXIT"]


def test_a_tick_reaches_every_partition_and_names_what_earlier_runs_sent_too(settings, ids) -> None:
    with TelemetryProducer(settings, "agent", ids=ids) as telemetry:
        for user in range(20):
            telemetry.launch(f"u{user}", "editor", 10.0)
    with TelemetryProducer(settings, "agent", ids=ids) as telemetry:
        telemetry.tick(70.0)
    topic = settings.topic("telemetry.activity")
    ends = dict.fromkeys(range(4), 0)
    for message in read_all(settings.bootstrap_servers, topic):
        ends[message.partition()] = message.offset() + 1
    heard = ticks(settings, ids)
    assert {p: tick.activity_offset or 0 for p, tick in heard.items()} == ends
    assert {tick.time for tick in heard.values()} == {70_000}


def test_a_refused_event_takes_no_number_and_does_not_disturb_its_neighbours(settings, ids) -> None:
    with TelemetryProducer(settings, "agent", ids=ids) as telemetry:
        telemetry.launch("ada", "editor", 10.0)
        with pytest.raises(InvalidActivityError, match="cpu_cores"):
            telemetry.sample("ada", "editor", 11.0, cpu_cores=-1.0)
        telemetry.exit("ada", "editor", 12.0)
    assert [e.seq for batch in batches(settings, ids) for e in batch.events] == [0, 1]


def test_files_are_named_by_a_hash_alone(settings, ids) -> None:
    with TelemetryProducer(settings, "agent", ids=ids) as telemetry:
        telemetry.access("ada", "editor", 10.0, "/home/ada/thesis.tex")
        telemetry.access("ada", "editor", 11.0, "/home/ada/thesis.tex")
    first, second = batches(settings, ids)[0].events
    assert first.data_ref == second.data_ref
    assert "thesis" not in first.data_ref


def test_kafka_that_is_not_there_is_told_by_its_address(tmp_path, ids) -> None:
    nowhere = Settings(bootstrap_servers="127.0.0.1:1", state_dir=tmp_path)
    with pytest.raises(DeliveryError, match=r"does not answer at 127\.0\.0\.1:1"):
        TelemetryProducer(nowhere, "agent", ids=ids)


def test_topics_that_are_missing_are_told_with_what_makes_them(
    kafka_bootstrap, tmp_path, ids
) -> None:
    bare = Settings(bootstrap_servers=kafka_bootstrap, topic_prefix="bare.", state_dir=tmp_path)
    with pytest.raises(DeliveryError, match="`warmfront topics --create` makes it"):
        TelemetryProducer(bare, "agent", ids=ids)


def test_partitions_that_a_tick_would_not_reach_are_told(settings, ids) -> None:
    admin = AdminClient({"bootstrap.servers": settings.bootstrap_servers})
    grown = NewPartitions(settings.topic("telemetry.activity"), 6)
    for future in admin.create_partitions([grown]).values():
        future.result(60)

    def told() -> bool:
        try:
            TelemetryProducer(settings, "agent", ids=ids).close()
        except DeliveryError as error:
            return "give both equally many" in str(error)
        return False  # brokers tell of new partitions with a delay

    wait_for(told, "the broker's word of new partitions")


def test_a_message_too_old_to_deliver_is_raised_and_not_dropped(tmp_path, ids) -> None:
    with LocalKafka(tmp_path / "kafka") as kafka:
        create_topics(kafka.bootstrap, "")
        settings = Settings(bootstrap_servers=kafka.bootstrap, state_dir=tmp_path)
        with TelemetryProducer(settings, "agent", ids=ids) as patient:
            patient.launch("ada", "editor", 10.0)
        # Nothing else is sent by one that is so impatient: a machine may stand still for as long.
        telemetry = TelemetryProducer(settings, "agent", ids=ids, delivery_timeout_s=2.0)
        kafka.stop()
        telemetry.launch("ada", "editor", 20.0)
        with pytest.raises(DeliveryError, match="not delivered to telemetry"):
            telemetry.flush()


def test_a_broker_killed_and_restarted_costs_nothing_and_repeats_nothing(tmp_path, ids) -> None:
    with LocalKafka(tmp_path / "kafka") as kafka:
        create_topics(kafka.bootstrap, "")
        settings = Settings(bootstrap_servers=kafka.bootstrap, state_dir=tmp_path)
        with TelemetryProducer(settings, "agent", ids=ids, max_events=5) as telemetry:
            restart = threading.Thread(target=lambda: (kafka.kill(), kafka.start()))
            for n in range(3_000):
                telemetry.launch(f"u{n % 7}", "editor", float(n))
                if n == 1_000:
                    restart.start()
            telemetry.flush()
            restart.join()
            telemetry.tick(3_000.0)
        numbers = [e.seq for batch in batches(settings, ids) for e in batch.events]
        assert sorted(numbers) == list(range(3_000))
        for user in range(7):
            own = [b.events for b in batches(settings, ids) if b.user == f"u{user}"]
            times = [event.time for events in own for event in events]
            assert times == sorted(times)


def test_java_and_faust_put_a_user_on_the_same_partition(settings, ids) -> None:
    from aiokafka.partitioner import murmur2  # noqa: PLC0415

    with TelemetryProducer(settings, "agent", ids=ids) as telemetry:
        for n in range(50):
            telemetry.launch(f"user-{n}", "editor", 10.0)
    for message in read_all(settings.bootstrap_servers, settings.topic("telemetry.activity")):
        assert message.partition() == (murmur2(message.key()) & 0x7FFFFFFF) % 4
