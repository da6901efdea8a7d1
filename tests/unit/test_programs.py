"""What the next-program model promises, by small examples."""

import sys

import msgspec
import numpy as np
import pytest

from streams.models.programs import (
    Population,
    PopulationClock,
    PopulationDelta,
    UserPrograms,
    observe,
    sequences,
)
from streams.models.programs.layout import FEATURES, STATE_FEATURES, STATES
from streams.models.programs.learn import learn
from streams.models.programs.share import LEARNERS
from streams.models.programs.sums_table import ascending, table_of
from streams.models.programs.vocabulary import program_hash

DAY_S = 86_400.0


def worked(names, gap_s=30.0, *, switches=False, user=None):
    """Return a user after these launches, and the last prediction."""
    user = user or UserPrograms()
    population, delta, said = Population.empty(), PopulationDelta(), None
    for k, name in enumerate(names):
        said = observe(user, population, delta, name, gap_s * k, switches=switches)
    return user, said, delta


def probability(prediction, program):
    return next((c for c in prediction.candidates if c.program == program), None)


def test_a_habit_is_predicted_first():
    _, said, _ = worked(["vim", "make", "gdb"] * 15)
    assert said.candidates[0].program == "vim"
    assert said.candidates[0].p_next > 0.5


def test_a_new_user_gets_what_others_do():
    clock = PopulationClock()
    for k in range(60):
        at = 30.0 * k
        user = UserPrograms()
        for step, name in enumerate(("login", "mail")):
            observe(user, clock.population(at), clock.delta(at), name, at + step)
    later = 2 * 3600.0
    said = observe(UserPrograms(), clock.population(later), clock.delta(later), "login", later)
    assert said.candidates[0].program == "mail"


def test_nothing_is_said_before_anything_is_known():
    said = observe(UserPrograms(), Population.empty(), PopulationDelta(), "vim", 0.0)
    assert said.candidates == ()
    assert said.p_other == 1.0


def test_the_current_program_can_not_be_next_among_switches():
    _, said, _ = worked(["vim", "make", "vim", "gdb"] * 12, switches=True)
    assert probability(said, "gdb") is None
    _, said, _ = worked(["vim", "make", "vim", "gdb", "gdb"] * 12)
    assert probability(said, "gdb") is not None


def test_a_window_holds_what_comes_later_than_next():
    # mail comes 90 s after vim, two launches on: hardly next, never within a minute, always in 5.
    _, said, _ = worked(["vim", "make", "sh", "mail", "login", "sh2"] * 40 + ["vim"])
    mail = probability(said, "mail")
    assert mail.p_next < 0.2
    assert mail.p_1m < 0.2
    assert mail.p_5m > 0.7
    assert mail.expected_s == pytest.approx(90.0, rel=0.01)


def test_windows_that_never_hold_anything_are_improbable():
    _, said, _ = worked(["vim", "make"] * 40, gap_s=2 * 3600.0)
    vim = probability(said, "vim")
    assert vim.p_next > 0.8
    assert vim.p_1m <= vim.p_5m <= vim.p_15m <= vim.p_60m < 0.2
    assert vim.expected_s is None


def test_sequences_need_support():
    user, _, _ = worked(["vim", "make"] * 15)
    assert sequences(user) == []
    user, _, _ = worked(["vim", "make"] * 60)
    assert {(rule.first, rule.then) for rule in sequences(user)} >= {("vim", "make")}
    for rule in sequences(user):
        assert rule.low <= rule.probability <= rule.high
        assert rule.support >= 20


def test_a_sequence_ends_when_the_latest_launches_speak_against_it():
    user = UserPrograms()
    for k in range(200):
        user.record("vim", 1000.0 * k)
        user.record("make", 1000.0 * k + 60)
    assert [rule.then for rule in sequences(user) if rule.first == "vim"] == ["make"]
    for k in range(200, 216):
        user.record("vim", 1000.0 * k)
    assert [rule.then for rule in sequences(user) if rule.first == "vim"] == []


def test_events_out_of_order_count_as_simultaneous():
    user, _, _ = worked(["vim", "make"])
    said = observe(user, Population.empty(), PopulationDelta(), "vim", -500.0)
    assert said.made_at_s == 30.0


@pytest.mark.parametrize("name", ["", "x" * 201, "\ud800"])
def test_names_that_can_not_be_kept_are_never_predicted(name):
    user, said, delta = worked(["vim", name, "make"] * 10)
    assert name not in [c.program for c in said.candidates]
    assert UserPrograms.from_bytes(user.to_bytes()).to_bytes() == user.to_bytes()
    assert PopulationDelta.from_bytes(delta.to_bytes()).to_bytes() == delta.to_bytes()


def test_users_teach_the_same_spread_over_partitions():
    clock_of_one, clock_of_many = PopulationClock(), PopulationClock()
    both = [({}, clock_of_one), ({}, clock_of_many)]
    parts = [PopulationDelta() for _ in range(3)]
    for k in range(120):
        user, name, at = k % 5, "abcd"[k * k % 7 % 4], 20.0 * k
        for (users, clock), delta in zip(
            both, (clock_of_one.delta(at), parts[user % 3]), strict=True
        ):
            observe(users.setdefault(user, UserPrograms()), clock.population(at), delta, name, at)
    for part in reversed(parts):
        clock_of_many.delta(0.0).merge(part)
    one, many = (clock.population(2 * 3600.0) for clock in (clock_of_one, clock_of_many))
    assert one.version == many.version == 1
    assert one.to_bytes() == many.to_bytes()


@pytest.mark.parametrize("kind", [UserPrograms, Population, PopulationDelta])
def test_other_versions_and_cut_bytes_are_refused(kind):
    user, _, delta = worked(["vim", "make"] * 20)
    state = {UserPrograms: user, Population: Population.empty().advanced(delta)}
    data = state.get(kind, delta).to_bytes()
    fields = msgspec.msgpack.decode(data)
    with pytest.raises(ValueError, match="version 99"):
        kind.from_bytes(msgspec.msgpack.encode([99, *fields[1:]]))
    for size in (0, 1, len(data) // 2, len(data) - 1):
        with pytest.raises(ValueError, match="programs"):
            kind.from_bytes(data[:size])
    for number in range(1, len(fields)):
        if isinstance(fields[number], bytes):
            broken = [*fields[:number], fields[number][:-1], *fields[number + 1 :]]
            with pytest.raises(ValueError, match=r".+"):
                kind.from_bytes(msgspec.msgpack.encode(broken))


def test_a_name_too_long_to_keep_is_not_kept_by_its_hash_either() -> None:
    name = "x" * 1_000_000
    before = sys.getrefcount(name)
    assert program_hash(name) == program_hash("x" * 1_000_000)
    assert sys.getrefcount(name) == before


def learnt_by(kernel):
    """What a kernel learns of one launch among six candidates, and the user's own weights then."""
    rng = np.random.default_rng(3)
    states = rng.integers(0, STATES, (6, STATE_FEATURES)).astype(np.int16)
    features, said = rng.normal(size=(6, FEATURES)), rng.dirichlet(np.ones(6), LEARNERS)
    own, sets = np.zeros((2, FEATURES), np.float32), np.array([3, 70, 24])
    curvature = np.ones(FEATURES)
    numbers, values = ascending(
        kernel(
            2, states, features, said.mean(axis=0), said, sets, own, np.eye(FEATURES), curvature, 9,
            table_of(64),
        )
    )  # fmt: skip
    return dict(zip(numbers.tolist(), values.tolist(), strict=True)), own


def test_uncompiled_the_same_is_learnt_of_a_launch():
    """Without numba numbers of states are of 16 bits, which sums of them once overflowed."""
    compiled, own = learnt_by(learn)
    plain, own_of_plain = learnt_by(getattr(learn, "py_func", learn))
    assert plain.keys() == compiled.keys()
    assert all(abs(plain[k] - compiled[k]) <= 1 for k in plain)  # rounded sums
    assert own_of_plain == pytest.approx(own, abs=1e-6)
