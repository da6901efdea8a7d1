"""Names that no producer sends are buried: kept, four of them make a state that no broker takes."""

import asyncio

import msgspec
import pytest

from schemas.names import MAX_NAME_CHARS
from schemas.records import Activity, ActivityBatch, AnomalyObservation, Tick
from schemas.topics import ANOMALIES_OBSERVED, TELEMETRY_ACTIVITY, TELEMETRY_TICKS, Topic
from tests.testkit.office import START_MS
from tests.testkit.stages import Stages

LONGEST = "x" * MAX_NAME_CHARS
LONGER = LONGEST + "x"
POINT = AnomalyObservation(
    observation_id="profile-0-7-1", subject=f"user/{LONGEST}", kind="surprise", time=60_000,
    score=0.9, observed=12.0, expected_low=0.0, expected_high=7.0, what=f"launched {LONGEST}",
)  # fmt: skip


def is_buried(topic: Topic, record: msgspec.Struct, key: str = "") -> bool:
    stages = Stages()
    value = stages.codec.encode(topic, record)
    return asyncio.run(stages.work(topic, value, key.encode(), START_MS))


def batch_of(user: str = "ada", source: str = "s", program: str = "mail") -> ActivityBatch:
    event = Activity(seq=0, time=START_MS, kind="LAUNCH", program=program)
    return ActivityBatch(user=user, host="h", source=source, events=[event])


@pytest.mark.parametrize(("name", "buried"), [(LONGEST, False), (LONGER, True)])
@pytest.mark.parametrize("field", ["user", "source", "program"])
def test_names_that_no_producer_sends_are_buried(field: str, name: str, buried: bool) -> None:
    batch = batch_of(**{field: name})
    assert is_buried(TELEMETRY_ACTIVITY, batch, batch.user) == buried


@pytest.mark.parametrize(("name", "buried"), [(LONGEST, False), (LONGER, True)])
def test_so_are_heartbeats_of_such_sources(name: str, buried: bool) -> None:
    tick = Tick(source=name, time=START_MS, partition=0)
    assert is_buried(TELEMETRY_TICKS, tick) == buried


def test_who_has_such_a_name_already_can_be_forgotten() -> None:
    forget = ActivityBatch(user=LONGER, host="h", source=LONGER, events=[], forget=True)
    assert not is_buried(TELEMETRY_ACTIVITY, forget, LONGER)
    mark = msgspec.structs.replace(POINT, kind="forgotten", subject="user/" + 3 * LONGEST)
    assert not is_buried(ANOMALIES_OBSERVED, mark)


@pytest.mark.parametrize("field", ["observation_id", "subject", "kind", "what"])
def test_the_desk_takes_names_within_a_text_and_no_more(field: str) -> None:
    assert not is_buried(ANOMALIES_OBSERVED, POINT)
    longer = getattr(POINT, field) + 2 * LONGEST
    assert is_buried(ANOMALIES_OBSERVED, msgspec.structs.replace(POINT, **{field: longer}))
