"""What several learners say is mixed by weights that follow the user and forget no learner."""

import math

import msgspec
import numpy as np
import pytest

from streams.models.programs import Population, PopulationDelta, UserPrograms, observe
from streams.models.programs.share import (
    CONTEXTS,
    LEARNERS,
    SHARE,
    context_of,
    even_shares,
    mixed_by,
    share_out,
    shares_of,
)

# Where a user's state has its version, weights, and what only this version has.
VERSION_AT, WEIGHTS_AT, QUICK_AT = 0, 8, 12


def said(*of_first: float) -> np.ndarray:
    """What each learner says of two candidates, by its probability of the first."""
    return np.array([(p, 1.0 - p) for p in of_first])


def test_before_anything_came_all_learners_count_the_same() -> None:
    assert mixed_by(even_shares(), said(0.9, 0.6, 0.3)) == pytest.approx([0.6, 0.4])


def test_the_weights_are_those_of_bayes_and_a_share_dealt_out_anew() -> None:
    shares, says = even_shares(), said(0.8, 0.4, 0.2)
    share_out(shares, says, 0)
    posterior = np.array([0.8, 0.4, 0.2]) / 1.4
    expected = (1 - SHARE) * posterior + SHARE / LEARNERS
    assert shares[context_of(says)] == pytest.approx(expected, rel=1e-6)


def test_what_was_learnt_where_the_careful_learner_is_sure_counts_only_there() -> None:
    shares, sure, unsure = even_shares(), said(0.9, 0.5, 0.5), np.full((LEARNERS, 5), 0.2)
    for _ in range(50):
        share_out(shares, sure, 0)
    assert context_of(sure) != context_of(unsure)
    assert shares[context_of(sure), 0] > 0.9
    assert (shares[context_of(unsure)] == even_shares()[0]).all()


def test_a_learner_that_was_wrong_for_long_comes_back_within_a_few_launches() -> None:
    shares, says = even_shares(), said(0.6, 0.6, 0.1)
    for _ in range(1000):
        share_out(shares, says, 0)
    assert SHARE / LEARNERS <= shares[context_of(says), 2] < 0.02
    for _ in range(6):
        share_out(shares, says, 1)
    assert shares[context_of(says), 2] > 0.5


def test_a_certain_learner_that_is_wrong_ends_nothing() -> None:
    shares = even_shares()
    share_out(shares, said(1.0, 1.0, 1.0), 1)
    assert np.isfinite(shares).all()
    assert shares.sum(axis=1) == pytest.approx(np.ones(CONTEXTS))


def test_after_a_change_of_learners_fixed_share_beats_the_best_single_one() -> None:
    """The loss stays near that of the best in each half, which no single learner has."""
    shares, loss = even_shares(), 0.0
    rng = np.random.default_rng(7)
    says = np.array([(0.8, 0.2), (0.5, 0.5), (0.2, 0.8)])
    best = 0.0
    for half, p_first in enumerate((0.8, 0.2)):
        for _ in range(500):
            came = int(rng.random() > p_first)
            loss -= math.log(mixed_by(shares, says)[came])
            best -= math.log(says[2 * half, came])
            share_out(shares, says, came)
    assert loss < 1000 * math.log(2) - 100  # the one that says half, always
    assert loss < best + 50


def worked(user: UserPrograms, launches: int = 120) -> UserPrograms:
    population, delta = Population.empty(), PopulationDelta()
    for k in range(launches):
        observe(user, population, delta, "abcd"[k * k % 7 % 4], 60.0 * k)
    return user


def test_weights_and_both_tables_come_back_to_the_bit() -> None:
    user = worked(UserPrograms())
    again = UserPrograms.from_bytes(user.to_bytes())
    assert (user.shares != even_shares()).any()
    assert user.quick.any()
    assert (again.shares == user.shares).all()
    assert (again.quick == user.quick).all()
    assert (again.weights == user.weights).all()


def of_version_3(user: UserPrograms) -> bytes:
    """The state as the release before wrote it: one learner's weights and corrections."""
    fields = msgspec.msgpack.decode(user.to_bytes())
    fields[VERSION_AT] = 3
    fields[WEIGHTS_AT] = fields[WEIGHTS_AT][: len(fields[WEIGHTS_AT]) // 2]
    return msgspec.msgpack.encode(fields[:QUICK_AT])


def test_a_state_of_the_release_before_goes_on_with_even_weights() -> None:
    user = worked(UserPrograms())
    again = UserPrograms.from_bytes(of_version_3(user))
    assert again.launches() == user.launches()
    assert (again.biases == user.biases).all()
    assert (again.weights == user.weights[0]).all()  # where both learners begin
    assert not again.quick.any()
    assert (again.shares == even_shares()).all()
    assert msgspec.msgpack.decode(again.to_bytes())[VERSION_AT] == 4
    worked(again)
    assert (again.shares != even_shares()).any()


@pytest.mark.parametrize("wrong", [0.0, -0.1, math.nan, 2.0])
def test_weights_that_can_not_be_are_refused(wrong: float) -> None:
    shares = even_shares()
    shares[1, 1] = wrong
    with pytest.raises(ValueError, match="weights of learners"):
        shares_of(shares)
