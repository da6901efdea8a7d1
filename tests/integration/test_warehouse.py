"""Records reach the warehouse once each, through crashes, new schema versions and poison."""

import json
import uuid
from collections.abc import Iterator

import fastavro
import msgspec
import pytest
from confluent_kafka import Producer
from fastavro.schema import parse_schema

from infra.connect.sinks import DEAD_LETTERS
from schemas.codec import HEADER, Codec, schema_text
from schemas.records import (
    AllocationEvent,
    AnomalyAlert,
    DemandForecast,
    DemandObserved,
    MinuteDemand,
    Step,
)
from schemas.registry import RegistryIds
from schemas.settings import Settings
from schemas.topics import (
    ALERTS_ANOMALIES,
    ALLOCATION_EVENTS,
    DEMAND_OBSERVED,
    FORECASTS_DEMAND,
    Topic,
)
from streams.runtime.topic_admin import create_topics
from tests.testkit.hostile import NAMES
from tests.testkit.pipeline import wait_for
from tests.testkit.telemetry import read_all
from tests.testkit.warehouse import Warehouse, warehouse

pytestmark = [pytest.mark.integration, pytest.mark.timeout(2400)]
MONDAY_MS = 1_763_942_400_000  # 2025-11-24, 00:00 UTC


class Sending:
    """Puts records on a deployment's topics."""

    def __init__(self, settings: Settings) -> None:
        self.ids = RegistryIds(settings.registry_url, settings.schema_cache)
        self.codec = Codec(self.ids, settings.topic_prefix)
        self._settings = settings
        self._producer = Producer({"bootstrap.servers": settings.bootstrap_servers})

    def records(self, topic: Topic, records: list) -> None:
        self.raw(topic, [self.codec.encode(topic, record) for record in records])

    def raw(self, topic: Topic, values: list[bytes]) -> None:
        for value in values:
            self._producer.produce(self._settings.topic(topic.name), value, "office")
        assert self._producer.flush(60) == 0


@pytest.fixture(scope="module")
def house(
    kafka_bootstrap: str, registry_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Warehouse]:
    folder = tmp_path_factory.mktemp("warehouse")
    settings = Settings(
        bootstrap_servers=kafka_bootstrap, registry_url=registry_url,
        topic_prefix=f"w{uuid.uuid4().hex[:8]}.", state_dir=folder,
    )  # fmt: skip
    create_topics(settings)
    with warehouse(settings, folder) as made:
        yield made


@pytest.fixture
def sending(house: Warehouse) -> Sending:
    return Sending(house.settings)


def event(number: int) -> AllocationEvent:
    return AllocationEvent(
        event_id=f"r{number}/ASSIGNED", request_id=f"r{number}", kind="ASSIGNED", pool="office",
        instance_id=f"i{number}", tier="active", wait_ms=number, time=MONDAY_MS + number,
        reason="the oldest active instance", user="u", program="writer",
    )  # fmt: skip


def alert(number: int) -> AnomalyAlert:
    return AnomalyAlert(
        alert_id=f"a{number}", incident_id="i", subject="office", kind="level",
        severity="WARNING", started_at=MONDAY_MS, observed=0.1 + number, expected_low=1 / 3,
        expected_high=2.0, evidence="{}",
    )  # fmt: skip


def test_arrays_become_json_with_exact_values(house: Warehouse, sending: Sending) -> None:
    third = 1 / 3
    forecast = DemandForecast(
        forecast_id="f", pool="office", resource="CPU", unit="cores", made_at=MONDAY_MS,
        horizon="DAY", step_s=3600, steps=[Step(time=MONDAY_MS, quantiles=[0.1, third])],
        levels=[0.1, 0.9], peak=[0.1, third], model="m",
    )  # fmt: skip
    minute = MinuteDemand(
        time=MONDAY_MS, launches=2, cpu_millicore_ms=2**53 + 1, memory_kib_ms=0, storage_kib_ms=0,
        network_byte_ms=0, cpu_millicores=0, memory_kib=0, storage_kib=0, network_bytes_per_s=0,
    )  # fmt: skip
    observed = DemandObserved(
        pool="office", source_partition=0, source_offset=7, closed_through=MONDAY_MS + 60_000,
        minutes=[minute],
    )  # fmt: skip
    sending.records(FORECASTS_DEMAND, [forecast])
    sending.records(DEMAND_OBSERVED, [observed])
    wait_for(lambda: house.count("forecasts") and house.count("demand_observed"), "both rows", 400)
    ((made_at, steps, levels, peak),) = house.query(
        "SELECT extract(epoch FROM made_at)::bigint * 1000, steps, levels, peak FROM forecasts"
    )
    assert made_at == MONDAY_MS
    assert steps == [{"time": MONDAY_MS, "quantiles": [0.1, third]}]
    assert (levels, peak) == ([0.1, 0.9], [0.1, third])
    ((minutes,),) = house.query("SELECT minutes FROM demand_observed")
    assert minutes[0]["cpu_millicore_ms"] == 2**53 + 1


def test_nothing_is_lost_or_doubled_by_crashes(house: Warehouse, sending: Sending) -> None:
    """The worker is killed while it writes, then the database; every record is sent twice."""
    total, landed = 3000, "SELECT count(*), sum(wait_ms) FROM allocation_events WHERE pool='office'"

    def send(first: int, past: int) -> None:
        sending.records(ALLOCATION_EVENTS, [event(n) for n in range(first, past)] * 2)

    send(0, 1000)
    wait_for(lambda: house.count("allocation_events") > 0, "the first rows", 400)
    house.connect.kill()
    at_crash = house.count("allocation_events")
    send(1000, 2000)
    house.connect.start()
    wait_for(lambda: house.count("allocation_events") > at_crash, "rows after the crash", 400)
    house.database.kill()
    send(2000, total)
    house.database.start()
    keeper = house.keeper

    def all_landed() -> bool:
        keeper.restart_failed()
        return house.query(landed)[0] == (total, sum(range(total)))

    wait_for(all_landed, f"{total} rows", timeout_s=600)
    assert dead_letters(house) == []


def test_a_new_schema_version_adds_a_column(house: Warehouse, sending: Sending) -> None:
    sending.records(ALERTS_ANOMALIES, [alert(0)])
    wait_for(lambda: house.count("alerts") == 1, "the first alert", 400)
    schema = json.loads(schema_text("AnomalyAlert"))
    schema["fields"].append({"name": "runbook", "type": ["null", "string"], "default": None})
    subject = f"{house.settings.topic(ALERTS_ANOMALIES.name)}-value"
    head = HEADER.pack(0, sending.ids.register(subject, json.dumps(schema)))
    body = {name: getattr(alert(1), name) for name in alert(1).__struct_fields__}
    sending.raw(ALERTS_ANOMALIES, [head + encoded(schema, {**body, "runbook": "restart it"})])
    sending.records(ALERTS_ANOMALIES, [alert(2)])  # an older producer goes on
    wait_for(lambda: house.count("alerts") == 3, "three alerts", 400)
    rows = house.query("SELECT alert_id, runbook, observed, expected_low FROM alerts ORDER BY 1")
    third = 1 / 3
    assert rows == [
        ("a0", None, 0.1, third), ("a1", "restart it", 1.1, third), ("a2", None, 2.1, third)
    ]  # fmt: skip


def test_poison_is_kept_and_stops_nothing(house: Warehouse, sending: Sending) -> None:
    poison = [b"no Avro", b"\x00\x7f\xff\xff\xffbody"]
    sending.raw(ALLOCATION_EVENTS, poison)
    sending.records(ALLOCATION_EVENTS, [event(9_000_000)])
    wait_for(
        lambda: house.query("SELECT 1 FROM allocation_events WHERE wait_ms = 9000000"),
        "the record after the poison", 400,
    )  # fmt: skip
    wait_for(lambda: len(dead_letters(house)) == 2, "two dead letters", 400)
    assert [m.value() for m in dead_letters(house)] == poison
    headers = dict(dead_letters(house)[0].headers())
    assert headers["__connect.errors.topic"].decode() == house.settings.topic("allocation.events")
    assert all(state.is_running for state in house.keeper.states())


def test_hostile_names_are_rows_like_any_other(house: Warehouse, sending: Sending) -> None:
    """They reach the database as values; NUL, which its texts can't hold, is marked."""
    first = 8_000_000
    records = [
        msgspec.structs.replace(event(first + n), user=name, program=name, reason=f"{name};")
        for n, name in enumerate(NAMES)
    ]
    sending.records(ALLOCATION_EVENTS, records)
    landed = (
        'SELECT "user", program, reason FROM allocation_events'
        " WHERE wait_ms BETWEEN %s AND %s ORDER BY wait_ms"
    )
    bounds = (first, first + len(NAMES) - 1)
    wait_for(lambda: len(house.query(landed, *bounds)) == len(NAMES), "all names", 400)
    names = [name.replace("\0", "\ufffd") for name in NAMES]
    assert house.query(landed, *bounds) == [(name, name, f"{name};") for name in names]
    inside = DemandForecast(
        forecast_id="hostile", pool="p\0", resource="CPU", unit="\0", made_at=MONDAY_MS,
        horizon="DAY", step_s=3600, steps=[Step(time=MONDAY_MS, quantiles=[0.1])], levels=[0.1],
        peak=[0.1], model=NAMES[3],
    )  # fmt: skip
    sending.records(FORECASTS_DEMAND, [inside])
    told = "SELECT pool, unit, model FROM forecasts WHERE forecast_id = 'hostile'"
    wait_for(lambda: house.query(told), "the forecast", 400)
    assert house.query(told) == [("p\ufffd", "\ufffd", NAMES[3])]
    assert all(state.is_running for state in house.keeper.states())


def dead_letters(house: Warehouse) -> list:
    return read_all(house.settings.bootstrap_servers, house.settings.topic(DEAD_LETTERS))


def encoded(schema: dict, body: dict) -> bytes:
    import io  # noqa: PLC0415

    out = io.BytesIO()
    plain = json.loads(json.dumps(schema).replace('"logicalType": "timestamp-millis"', '"doc": ""'))
    fastavro.schemaless_writer(out, parse_schema(plain), body)
    return out.getvalue()
