"""What must hold of the next-program model for every sequence of launches."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.models.programs import (
    Population,
    PopulationClock,
    PopulationDelta,
    UserPrograms,
    observe,
)

LAUNCHES = st.lists(
    st.tuples(st.sampled_from("uvw"), st.sampled_from("abcdefgh"), st.floats(0, 3000, width=32)),
    min_size=2,
    max_size=60,
)
FEW = settings(max_examples=12)


def timed(rows):
    """Let gaps become times."""
    at = 0.0
    for user, program, gap in rows:
        at += gap
        yield user, program, at


@FEW
@given(LAUNCHES, st.booleans())
def test_probabilities_are_consistent(rows, switches):
    clock, users = PopulationClock(), {}
    for user, program, at in timed(rows):
        state = users.setdefault(user, UserPrograms())
        said = observe(state, clock.population(at), clock.delta(at), program, at, switches=switches)
        assert sum(c.p_next for c in said.candidates) <= 1 + 1e-9
        assert list(said.candidates) == sorted(
            said.candidates, key=lambda c: (-c.p_next, c.program)
        )
        for c in said.candidates:
            assert 0 <= c.p_next <= 1
            assert 0 <= c.p_1m <= c.p_5m <= c.p_15m <= c.p_60m <= 1
            assert not (switches and c.program == program)


@FEW
@given(LAUNCHES, st.integers(0, 59))
def test_a_restored_state_goes_on_to_the_bit(rows, cut):
    clock, users, restored = PopulationClock(), {}, {}
    for number, (user, program, at) in enumerate(timed(rows)):
        population = clock.population(at)
        state = users.setdefault(user, UserPrograms())
        said = observe(state, population, clock.delta(at), program, at)
        if number > cut and user in restored:
            population = Population.from_bytes(population.to_bytes())
            again = observe(restored[user], population, PopulationDelta(), program, at)
            assert again == said
            assert restored[user].to_bytes() == state.to_bytes()
        elif number <= cut:
            restored[user] = UserPrograms.from_bytes(state.to_bytes())


@FEW
@given(LAUNCHES, st.permutations(range(3)))
def test_deltas_merge_in_any_order_and_split(rows, order):
    parts = {name: PopulationDelta() for name in "uvw"}
    whole, population, users = PopulationDelta(), Population.empty(), {}
    for user, program, at in timed(rows):
        pair = users.setdefault(user, (UserPrograms(), UserPrograms()))
        observe(pair[0], population, parts[user], program, at)
        observe(pair[1], population, whole, program, at)
    merged = PopulationDelta()
    for place in order:
        merged.merge(PopulationDelta.from_bytes(parts["uvw"[place]].to_bytes()))
    assert merged.to_bytes() == whole.to_bytes()
    assert population.advanced(merged).to_bytes() == population.advanced(whole).to_bytes()


@FEW
@given(st.sampled_from([UserPrograms, Population, PopulationDelta]), st.binary(max_size=60))
def test_hostile_bytes_are_refused(kind, data):
    with pytest.raises(ValueError, match=r".+"):
        kind.from_bytes(data)


@pytest.mark.parametrize("shared", [0, 200])
def test_state_is_bounded_on_ever_new_programs(shared):
    state, most = UserPrograms(), 0
    population, delta = Population.empty(), PopulationDelta()
    for k in range(3000):
        name = f"q{k % shared}" if shared and k % 2 else f"program-{k}-{'x' * (k % 180)}"
        observe(state, population, delta, name, 7.0 * k)
        most = max(most, len(state.to_bytes())) if k % 50 == 0 else most
    for k in range(4500):
        state.record(f"q{k % 240}", 21_000.0 + k)
        most = max(most, len(state.to_bytes())) if k % 50 == 0 else most
    assert most <= 19 * 1024
    again = UserPrograms.from_bytes(state.to_bytes())
    assert again.to_bytes() == state.to_bytes()


def test_a_long_history_that_is_trimmed_goes_on_to_the_bit():
    kept, saved = UserPrograms(), UserPrograms()
    population, delta, delta_of_saved = Population.empty(), PopulationDelta(), PopulationDelta()
    for k in range(4090):
        kept.record(f"{k % 300}" if k < 3000 else f"{k % 7}", 11.011 * k)
    saved = UserPrograms.from_bytes(kept.to_bytes())
    for k in range(40):
        name, at = f"{k % 5}", 50_000.0 + 3.033 * k
        said = observe(saved, population, delta_of_saved, name, at)
        assert said == observe(kept, population, delta, name, at)
        saved = UserPrograms.from_bytes(saved.to_bytes())
    assert saved.to_bytes() == kept.to_bytes()
    assert delta.to_bytes() == delta_of_saved.to_bytes()
    assert saved.history.length < 4000


@FEW
@given(st.integers(0, 2**32 - 1), st.integers(0, 255), st.integers(0, 40))
def test_damaged_states_are_refused_or_still_work(place, byte, cut):
    state, population, delta = UserPrograms(), Population.empty(), PopulationDelta()
    for k in range(40):
        observe(state, population, delta, "abcd"[k * k % 4], 40.0 * k)
    data = bytearray(state.to_bytes())
    data[place % len(data)] = byte
    try:
        damaged = UserPrograms.from_bytes(bytes(data[: len(data) - max(0, cut - 30)]))
    except ValueError:
        return
    observe(damaged, population, delta, "a", 5000.0)
