"""Headers say who said what, in the words of CloudEvents."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from schemas import records, topics
from schemas.cloudevents import IDENTITIES, headers

INPUTS_AND_STATE = {
    "telemetry.activity", "telemetry.ticks", "telemetry.late", "allocation.requests",
    "calendar.events", "alerts.feedback", "population.partials", "population.prior",
    "reserve.state", "demand.partials",
}  # fmt: skip


def action(action_id: str, time_ms: int) -> records.ReserveAction:
    return records.ReserveAction(
        action_id=action_id, pool="office", time=time_ms, verb="CREATE", outcome="DONE", reason="r"
    )


def test_every_output_topic_has_an_identity() -> None:
    outputs = [t for t in topics.CARRYING_RECORDS if t.name not in INPUTS_AND_STATE]
    assert {t.record for t in outputs} == IDENTITIES.keys()


def test_fields_named_in_identities_exist() -> None:
    for kind, (_, time_field) in IDENTITIES.items():
        assert time_field in kind.__struct_fields__


@given(st.text(min_size=1), st.integers(0, 4_102_444_800_000))
def test_a_repeat_has_the_same_headers_and_another_record_another_id(name: str, at: int) -> None:
    assert headers(action(name, at)) == headers(action(name, at))
    assert (
        dict(headers(action(name, at)))["ce_id"] != dict(headers(action(name + "x", at)))["ce_id"]
    )


def test_required_attributes_are_there() -> None:
    told = dict(headers(action("a", 1_763_942_400_123), "blue."))
    assert told == {
        "ce_specversion": b"1.0",
        "ce_id": b"a",
        "ce_source": b"/warmfront/blue",
        "ce_type": b"warmfront.ReserveAction",
        "ce_time": b"2025-11-24T00:00:00.123Z",
        "content-type": b"application/avro",
    }


@given(st.integers(min_value=0, max_value=4_000_000_000_000))
def test_the_time_is_what_a_datetime_says(at: int) -> None:
    said = dict(headers(action("a", at)))["ce_time"].decode()
    assert datetime.fromisoformat(said) == datetime.fromtimestamp(at / 1000, UTC)
    assert len(said) == len("2026-11-26T23:59:59.123Z")
