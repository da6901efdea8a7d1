"""Forgetting a user in the fold of a partition: what goes at once, what waits, what comes back."""

from collections.abc import Iterable

import msgspec

from schemas.records import ActivityBatch, AnomalyObservation, Tick
from schemas.topics import ANOMALIES_OBSERVED, DEMAND_OBSERVED, POPULATION_PARTIALS, PROFILES_USERS
from streams.pipeline.desk import AlertDesk
from streams.pipeline.learned import HourDelta, LearnedVersions
from streams.pipeline.partition import ProfilePartition, Step
from streams.pipeline.partition_state import PartitionState
from streams.pipeline.user import User, partition_of
from tests.testkit.office import HOUR_MS, POOLS, START_MS, WAYS
from tests.testkit.offline import LATENESS_MS, MemoryUsers
from tests.testkit.people import event


class Partition:
    """A fold whose users lose their key when the fold says so, as the agent's do."""

    def __init__(self, users: MemoryUsers | None = None) -> None:
        self.users = users or MemoryUsers()
        names = tuple(pool.name for pool in POOLS)
        self.fold = ProfilePartition(0, self.users, WAYS, names, LATENESS_MS, LearnedVersions().at)
        self.offset = 0

    def send(self, user: str, *events: object, forget: bool = False) -> list[Step]:
        batch = ActivityBatch(user=user, host="h", source="s", events=list(events), forget=forget)
        self.offset += 1
        latest = max((e.time for e in events), default=0)
        return self.take(self.fold.apply(batch, self.offset - 1, latest))

    def again(self, user: str, offset: int, *events: object, forget: bool = False) -> list[Step]:
        batch = ActivityBatch(user=user, host="h", source="s", events=list(events), forget=forget)
        return self.take(self.fold.apply(batch, offset, START_MS))

    def tick(self, time_ms: int) -> list[Step]:
        return self.take(self.fold.tick(Tick(source="s", time=time_ms, partition=0), 0, time_ms))

    def take(self, steps: Iterable[Step]) -> list[Step]:
        done = list(steps)
        for step in done:
            if step.user:
                self.users.save(*step.user)
        return done

    def settle(self) -> list[str]:
        """Make all durable as the agent does; return whose keys went."""
        gone = list(self.fold.gone())
        for name in gone:
            del self.users.saved[name], self.users.decoded[name]
        self.fold.settled()
        return gone


def sent(steps: list[Step], topic: object) -> list:
    return [o for step in steps for o in step.outputs if o.topic is topic]


def busy_partition() -> Partition:
    """Ada has a history and a program that holds two cores; Eve does as well."""
    partition = Partition()
    for k in range(30):
        for user in ("ada", "eve"):
            e = event("LAUNCH", k * 50.0, "editor" if k % 2 else "mail")
            partition.send(user, _numbered(e, k))
    for user in ("ada", "eve"):
        partition.send(user, _numbered(event("SAMPLE", 1500.0, cpu_cores=2.0), 100))
    return partition


def _numbered(e, seq):
    fields = {name: getattr(e, name) for name in e.__struct_fields__}
    return type(e)(**{**fields, "seq": seq})


def test_what_was_learnt_goes_at_once_and_the_profile_is_taken_back() -> None:
    partition = busy_partition()
    before = len(partition.users.saved["ada"])
    (tombstone,) = sent(partition.send("ada", forget=True), PROFILES_USERS)
    assert (tombstone.key, tombstone.record) == ("ada", None)
    left = User.from_bytes(partition.users.saved["ada"])
    assert left.departing
    assert left.launches == left.clock_ms == 0
    assert left.sources == left.running == left.pools == left.open_hours == {}
    assert left.programs.launches() == {}
    assert b"editor" not in partition.users.saved["ada"]
    assert len(partition.users.saved["ada"]) < before / 2


def test_the_key_goes_once_its_minutes_are_closed_and_nothing_can_come_again() -> None:
    partition = busy_partition()
    partition.send("ada", forget=True)
    assert partition.settle() == partition.settle() == []  # the minutes are open
    partition.tick(START_MS + 2 * HOUR_MS)
    assert partition.settle() == []  # they are closed, but that is not durable before this
    assert partition.settle() == ["ada"]
    assert set(partition.users.saved) == {"eve"}
    assert partition.settle() == []


def test_demand_keeps_what_was_there_and_loses_what_the_user_held() -> None:
    partition = busy_partition()
    partition.send("ada", forget=True)
    told = sent(partition.tick(START_MS + HOUR_MS), DEMAND_OBSERVED)
    minutes = [m for o in told if o.key == "default" for m in o.record.minutes]
    assert minutes[-1].cpu_millicores == 2000  # Eve's two cores
    assert max(m.launches for m in minutes) > 0


def test_statistics_of_the_open_hour_lose_the_user() -> None:
    partition = busy_partition()
    partition.send("ada", forget=True)
    told = sent(partition.tick(START_MS + 2 * HOUR_MS), POPULATION_PARTIALS)
    assert HourDelta.from_bytes(told[0].record.body).launches == 30  # Eve's


def test_an_erasure_that_comes_again_says_the_same_and_does_nothing_else() -> None:
    partition = busy_partition()
    partition.send("ada", forget=True)
    saved = partition.users.saved["ada"]
    (tombstone,) = sent(partition.again("ada", partition.offset - 1, forget=True), PROFILES_USERS)
    assert tombstone.record is None
    assert partition.users.saved["ada"] == saved


def test_activity_from_before_the_erasure_that_comes_again_is_not_learnt() -> None:
    partition = busy_partition()
    partition.send("ada", forget=True)
    saved = partition.users.saved["ada"]
    partition.again("ada", 0, event("LAUNCH", 0.0))
    assert partition.users.saved["ada"] == saved


def test_who_comes_back_begins_anew_and_an_old_erasure_spares_them() -> None:
    partition = busy_partition()
    partition.send("ada", forget=True)
    erased_at = partition.offset - 1
    partition.send("ada", _numbered(event("LAUNCH", 1510.0, "player"), 7))
    assert sent(partition.again("ada", erased_at, forget=True), PROFILES_USERS) == []
    partition.tick(START_MS + HOUR_MS)
    assert partition.settle() == partition.settle() == []
    ada = User.from_bytes(partition.users.saved["ada"])
    assert (ada.launches, ada.programs.launches()) == (1, {"player": 1})


def test_nobody_known_is_forgotten_too() -> None:
    (tombstone,) = sent(Partition().send("nobody", forget=True), PROFILES_USERS)
    assert (tombstone.key, tombstone.record) == ("nobody", None)


def test_a_restart_goes_on_with_the_departure() -> None:
    partition = busy_partition()
    partition.send("ada", forget=True)
    users = MemoryUsers(
        dict(partition.users.saved),
        {n: User.from_bytes(data) for n, data in partition.users.saved.items()},
    )
    later = Partition(users)
    found = [(n, *partition_of(data)[1:]) for n, data in users.saved.items()]
    later.fold.restored(found)
    told = sent(later.tick(START_MS + HOUR_MS), DEMAND_OBSERVED)
    assert sum(m.launches for o in told if o.key == "default" for m in o.record.minutes) > 0
    later.again("eve", partition.offset, _numbered(event("LAUNCH", 3700.0), 200))
    assert later.settle() == []
    assert later.settle() == ["ada"]


def test_after_a_restart_old_activity_does_not_bring_back_who_is_gone() -> None:
    """Applied before, as the partition's saved state says, and the user has no state: forgotten."""
    partition = busy_partition()
    partition.send("ada", forget=True)
    partition.tick(START_MS + HOUR_MS)
    partition.settle()
    assert partition.settle() == ["ada"]
    names = tuple(pool.name for pool in POOLS)
    saved = PartitionState.from_bytes(partition.fold.state.to_bytes())
    partition.fold = ProfilePartition(
        0, partition.users, WAYS, names, LATENESS_MS, LearnedVersions().at, saved
    )
    steps = partition.again("ada", 0, _numbered(event("LAUNCH", 4000.0), 0))
    assert [o for step in steps for o in step.outputs if o.key == "ada"] == []
    assert set(partition.users.saved) == {"eve"}


def test_the_desk_of_incidents_forgets_the_user_once() -> None:
    desk = AlertDesk(per_day=10.0)
    point = AnomalyObservation(
        observation_id="profile-0-7-0", subject="user/ada", kind="surprise", time=60_000,
        score=0.9, observed=12.0, expected_low=0.0, expected_high=7.0, what="launched canary",
    )  # fmt: skip
    assert len(desk.observe(point)) == 1
    assert b"user/ada" in desk.to_bytes()
    mark = next(
        o.record
        for step in busy_partition().send("ada", forget=True)
        for o in step.outputs
        if o.topic is ANOMALIES_OBSERVED
    )
    assert desk.observe(mark) == []
    assert b"ada" not in desk.to_bytes()
    assert b"canary" not in desk.to_bytes()
    later = msgspec.structs.replace(point, observation_id="profile-0-99-0", time=120_000)
    desk.observe(later)
    desk.observe(mark)  # a repeat does nothing
    assert b"user/ada" in desk.to_bytes()
