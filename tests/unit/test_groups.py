"""Sequences of groups: what is told, from how many users on, and that it is told no longer."""

import random

import pytest

from schemas.records import PopulationPartial
from schemas.topics import PROFILES_GROUPS
from streams.models.groups import GroupCounts, group_rules
from streams.models.programs import UserPrograms
from streams.pipeline.activity import Ways
from streams.pipeline.groups import by_patterns, counted, unpacked
from streams.pipeline.population import PopulationFold
from streams.pipeline.user import User
from tests.testkit.office import HOUR_MS, START_MS, WAYS
from tests.testkit.people import World, event


def person(seed: int, p: float = 0.95, runs: int = 60, late_p: float | None = None) -> UserPrograms:
    """Somebody who goes from mail to editor within a minute, mostly; of late with another habit."""
    rng, user = random.Random(seed), UserPrograms()
    for k in range(runs):
        now_p = p if late_p is None or k < runs * 2 // 3 else late_p
        user.record("mail", 3600.0 * k)
        user.record("editor" if rng.random() < now_p else "game", 3600.0 * k + 40.0)
    return user


def counts_of(people: list[UserPrograms]) -> GroupCounts:
    counts = GroupCounts()
    for user in people:
        counts.add(user)
    return counts


def test_a_sequence_is_told_with_its_probability_support_and_users() -> None:
    (rule,) = group_rules(counts_of([person(k) for k in range(8)]))
    assert (rule.first, rule.then, rule.users) == ("mail", "editor", 8)
    assert rule.support == 8 * 59  # the last is too young to tell
    assert rule.low < rule.probability == pytest.approx(0.95, abs=0.03)
    assert rule.high - rule.low < 0.1


@pytest.mark.parametrize(("users", "told"), [(4, 0), (5, 1)])
def test_fewer_than_five_users_are_not_told_of(users: int, told: int) -> None:
    assert len(group_rules(counts_of([person(k) for k in range(users)]))) == told


def test_a_program_of_one_user_is_named_to_nobody() -> None:
    people = [person(k) for k in range(8)]
    for k in range(60):
        people[0].record("secret", 400_000.0 + 3600.0 * k)
        people[0].record("editor", 400_000.0 + 3600.0 * k + 40.0)
    named = {name for rule in group_rules(counts_of(people)) for name in (rule.first, rule.then)}
    assert named == {"mail", "editor"}


def test_what_only_some_have_as_a_habit_is_none_of_the_group() -> None:
    people = [person(k, p=1.0 if k % 2 else 0.5) for k in range(12)]
    assert group_rules(counts_of(people)) == []


def test_a_habit_that_ended_is_told_no_longer() -> None:
    assert group_rules(counts_of([person(k, p=1.0, runs=90) for k in range(8)])) != []
    ended = [person(k, p=1.0, runs=90, late_p=0.0) for k in range(8)]
    assert group_rules(counts_of(ended)) == []
    fading = [person(k, p=1.0, runs=99, late_p=0.5) for k in range(8)]
    assert group_rules(counts_of(fading)) == []


def test_nobody_counts_for_more_than_a_hundred_launches() -> None:
    busy = counts_of([person(1, runs=1000)])
    assert busy.starts["mail"].occasions == 100


def test_counts_merge_in_any_order_to_the_same_bytes() -> None:
    parts = [counts_of([person(k, p=0.5 + k / 20)]) for k in range(6)]
    left, right = GroupCounts(), GroupCounts()
    for k in range(6):
        left.merge(parts[k])
        right.merge(parts[5 - k])
    assert left.to_bytes() == right.to_bytes()
    assert GroupCounts.from_bytes(left.to_bytes()) == left


def state(seed: int, clock_ms: int = START_MS) -> User:
    return User(0, clock_ms=clock_ms, launches=120, programs=person(seed))


def test_groups_go_by_patterns_and_only_who_was_active_counts() -> None:
    users = [(f"build-{k}", state(k)) for k in range(3)] + [("ada", state(9))]
    users.append(("gone", state(5, START_MS - 8 * 24 * HOUR_MS)))
    body = counted(users, START_MS, by_patterns({"builders": ["build-*"]}))
    assert {name: c.users for name, c in unpacked(body).items()} == {"all": 4, "builders": 3}


def partial(partition: int, day: int, first: int, users: int) -> PopulationPartial:
    people = [(f"u{k}", state(k)) for k in range(first, first + users)]
    groups = counted(people, START_MS, by_patterns({}))
    return PopulationPartial(
        partition=partition, hour=24 * day - 1, source_offset=0, body=b"", groups=groups
    )


def test_a_group_is_told_once_all_partitions_have_counted_the_day() -> None:
    fold = PopulationFold.empty(2)
    assert fold.apply(partial(0, 20_000, 0, 3)) == []
    fold = PopulationFold.from_bytes(fold.to_bytes(), 2)
    (told,) = fold.apply(partial(1, 20_000, 3, 3))
    assert (told.topic, told.key) == (PROFILES_GROUPS, "all")
    assert (told.record.users, told.record.floor) == (6, 5)
    assert [(s.first, s.then, s.users) for s in told.record.sequences] == [("mail", "editor", 6)]
    assert fold.apply(partial(1, 20_000, 3, 3)) == []  # a repeat


def test_a_partition_that_was_silent_counts_with_its_next_day() -> None:
    fold = PopulationFold.empty(2)
    assert fold.apply(partial(0, 20_000, 0, 4)) == []
    assert fold.apply(partial(0, 20_001, 0, 4)) == []
    (told,) = fold.apply(partial(1, 20_001, 4, 1))
    assert told.record.updated_at == 20_001 * 24 * HOUR_MS
    assert told.record.users == 5


def test_counts_that_are_none_never_enter_the_state() -> None:
    fold = PopulationFold.empty(1)
    broken = PopulationPartial(partition=0, hour=1, source_offset=0, body=b"", groups=b"\x99")
    with pytest.raises(ValueError, match="groups"):
        fold.apply(broken)
    assert fold.closed == {}


def test_a_day_of_telemetry_ends_with_its_groups_and_leaves_out_who_is_forgotten() -> None:
    world = World(Ways(WAYS.pool_of, WAYS.zone, WAYS.normal))
    for k in range(40):
        for u in range(6):
            at = k * 900.0 + u
            world.send(f"user{u}", event("LAUNCH", at, "mail"))
            world.send(f"user{u}", event("LAUNCH", at + 30.0, "editor"))
    world.tick(START_MS + 30 * HOUR_MS)
    fold = PopulationFold.empty(1)

    def told() -> list:
        bodies = [p for p in world.records_of("population.partials") if p.groups is not None]
        outputs = [o for p in bodies for o in fold.apply(p)]
        return [o.record for o in outputs if o.topic is PROFILES_GROUPS]

    (group,) = told()
    assert ("mail", "editor", 6) in [(s.first, s.then, s.users) for s in group.sequences]
    for user in ("user0", "user1"):
        world.forget(user)
    world.tick(START_MS + 60 * HOUR_MS)
    later = told()[-1]
    assert later.users is None
    assert later.sequences == []
