"""A release finds states of another: it goes on from what it reads, and leaves the rest alone."""

import asyncio

import msgspec
import pytest

from schemas.records import MinuteDemand
from schemas.topics import TELEMETRY_ACTIVITY, TELEMETRY_TICKS
from streams.pipeline.desk import AlertDesk
from streams.pipeline.pool_state import PoolState
from streams.pipeline.population import PopulationFold
from streams.pipeline.state_version import OtherVersionError
from streams.pipeline.total_state import TotalState
from streams.pipeline.user import BEFORE, VERSION, User
from streams.runtime.newest_store import body_of, rank_of, ranked
from tests.testkit import golden
from tests.testkit.crashing import Broker, Store, Worker, demand, predictions, settled_users
from tests.testkit.golden import Golden, in_turn, worked

pytestmark = pytest.mark.faults

# A better model may give other numbers from the same state; one that lost its state is far off.
CLOSE = 0.02
# Fields of a user's state that every release had.
FIRST_FIELDS = 17
# Where a pool's state has its combination of expectations.
NEXT_HOUR = 11


@pytest.fixture(params=[BEFORE, VERSION], ids=lambda version: f"states-{version}")
def before(request: pytest.FixtureRequest) -> Golden:
    return golden.read(request.param)


def rest(before: Golden, broker: Broker) -> list:
    """What comes after the committed offsets."""
    activity, ticks = before.messages()
    return in_turn(
        activity[broker.committed[TELEMETRY_ACTIVITY.name] :],
        ticks[broker.committed[TELEMETRY_TICKS.name] :],
    )


def calm(before: Golden) -> Broker:
    """The whole log on this release alone."""
    broker = Broker()
    worked(broker, in_turn(*before.messages()))
    return broker


def gone_on(before: Golden, broker: Broker) -> Broker:
    left = rest(before, broker)
    assert len(left) > 20, "there is something to go on with"
    worked(broker, left)
    return broker


def counted(broker: Broker) -> dict[bytes, tuple]:
    """What a user's state says that no model's numbers are in."""
    users = {name: User.from_bytes(data) for name, data in settled_users(broker).items()}
    return {
        name: (u.offset, u.events, u.clock_ms, u.launches, u.sources, u.running, u.pools)
        for name, u in users.items()
    }


def apart(one: Broker, other: Broker) -> float:
    """By how much the predictions that both made differ at most."""
    known, worst = predictions(other.outputs), 0.0
    for name, told in predictions(one.outputs).items():
        odds = {c.program: c.p_next for c in known[name].candidates}
        for candidate in told.candidates:
            worst = max(worst, abs(candidate.p_next - odds.get(candidate.program, 0.0)))
    return worst


def newest(minutes: dict[tuple[str, int], MinuteDemand], told: dict) -> dict:
    return {key: minutes[key] for key in told}


def test_what_the_release_before_left_is_gone_on_from(before: Golden) -> None:
    alone, after = calm(before), gone_on(before, before.broker())
    told, minutes = predictions(after.outputs), demand(after.outputs)
    assert told.keys() == predictions(alone.outputs).keys() - done_before(before, alone)
    assert minutes
    assert minutes == newest(demand(alone.outputs), minutes)
    assert counted(after) == counted(alone)
    assert apart(after, alone) < CLOSE


def test_without_the_states_it_would_not_be_so(before: Golden) -> None:
    empty = Broker()
    empty.committed.update(before.committed)
    assert apart(gone_on(before, empty), calm(before)) > CLOSE
    assert counted(empty) != counted(calm(before))


def done_before(before: Golden, alone: Broker) -> set[str]:
    """Predictions on activity that the release before had worked on."""
    offsets = {name: int(name.split("-")[2]) for name in predictions(alone.outputs)}
    return {name for name, offset in offsets.items() if offset < before.first}


def test_states_from_before_fields_were_added_are_read(before: Golden) -> None:
    broker = before.broker()
    users = broker.changelogs["users-0"]
    broker.changelogs["users-0"] = [(key, with_fields(value, FIRST_FIELDS)) for key, value in users]
    after, alone = gone_on(before, broker), calm(before)
    assert counted(after) == counted(alone)
    assert demand(after.outputs) == newest(demand(alone.outputs), demand(after.outputs))


def with_fields(value: bytes | None, count: int) -> bytes:
    assert value is not None
    fields = msgspec.msgpack.decode(body_of(value))
    assert len(fields) > count
    return ranked(rank_of(value), msgspec.msgpack.encode(fields[:count]))


def of_version(value: bytes | None, version: int) -> bytes:
    """A state as a later release might write it: another version, one field more."""
    assert value is not None
    fields = msgspec.msgpack.decode(body_of(value))
    return ranked(rank_of(value), msgspec.msgpack.encode([version, *fields[1:], "from the future"]))


@pytest.mark.parametrize("table", ["users-0", "partitions-0"])
def test_states_of_a_later_release_stop_this_one_and_stay(before: Golden, table: str) -> None:
    """After a downgrade nothing is acked, sent or written over; the error says what to do."""
    broker = before.broker()
    broker.changelogs[table] = [(k, of_version(v, 3)) for k, v in broker.changelogs[table]]
    kept = dict(Store(broker.changelogs[table]).data)
    left = rest(before, broker)

    async def live() -> None:
        worker = Worker(broker, golden.LIVES_ON)
        with pytest.raises(OtherVersionError, match=r"version 3, .* run the release that wrote it"):
            await worker.work(left[0])
        await worker.commit()

    asyncio.run(live())
    assert broker.outputs == []
    assert Store(broker.changelogs[table]).data == kept
    assert broker.committed == before.committed


def test_the_other_stages_states_are_read_and_written_as_they_were(before: Golden) -> None:
    population, total = before.other("population"), before.other("total")
    assert PopulationFold.from_bytes(population, 1).to_bytes() == population
    assert TotalState.from_bytes(total).to_bytes() == in_form_3_of_the_total(total)
    assert AlertDesk.from_bytes(before.other("desk"), 1.0).to_bytes() == before.other("desk")
    pool = before.other("pool")
    assert PoolState.from_bytes(pool).to_bytes() == in_form_6(pool)


def in_form_6(pool: bytes) -> bytes:
    """A pool's state; of form 4 the combination of expectations is learnt anew."""
    fields = msgspec.msgpack.decode(pool)
    if fields[0] == 6:
        return pool
    fields[0], fields[NEXT_HOUR] = 6, b""
    return msgspec.msgpack.encode([*fields, []])  # no minute that the total was not told of


def in_form_3_of_the_total(total: bytes) -> bytes:
    """A total's state, with no minutes where it is of form 1, and nobody silent up to form 2."""
    form, *fields = msgspec.msgpack.decode(total, strict=False)
    later = [[[{}, {}, [b""] * 5], []], [[]], []][form - 1]
    return msgspec.msgpack.encode([3, *fields, *later])


def refused(name: str, body: bytes) -> None:
    {
        "population": lambda: PopulationFold.from_bytes(body, 1),
        "total": lambda: TotalState.from_bytes(body),
        "desk": lambda: AlertDesk.from_bytes(body, 1.0),
        "pool": lambda: PoolState.from_bytes(body),
    }[name]()


@pytest.mark.parametrize("name", ["population", "total", "desk", "pool"])
def test_no_stage_takes_a_later_releases_state_for_none(before: Golden, name: str) -> None:
    body = body_of(of_version(ranked(0, before.other(name)), 77))
    with pytest.raises(OtherVersionError, match="version 77"):
        refused(name, body)
