"""Properties of the sensitivity: closed forms, bounds, exact merges."""

import math
from dataclasses import astuple

from hypothesis import given
from hypothesis import strategies as st

from streams.models.sensitivity import Normal, Sensitivity, WaitCounts
from streams.models.sensitivity.evidence import Gamma

COUNTS = st.tuples(*[st.integers(0, 10**9)] * 10).map(lambda numbers: WaitCounts(*numbers))


def _merged(*parts):
    total = WaitCounts()
    for part in parts:
        total.merge(part)
    return total


@given(COUNTS, COUNTS, COUNTS)
def test_merging_is_associative_and_commutative(a, b, c):
    assert astuple(_merged(_merged(a, b), c)) == astuple(_merged(a, _merged(c, b)))


@given(st.floats(1.0, 8.0), st.floats(0.5, 8.0), st.floats(0.01, 0.6), st.floats(0.02, 2.0))
def test_a_reaction_has_the_moments_of_the_exact_posterior(shape, rate, background, expected):
    """Against numerical integration of Gamma(shape, rate) x P(reaction)."""
    added_shape, added_rate = Gamma(shape, rate).reaction(True, background, expected)
    width = 60.0 / (rate * 20_000)
    sums = [0.0, 0.0, 0.0]
    for k in range(20_000):
        s = (k + 0.5) * width
        likelihood = 1.0 - (1.0 - background) * math.exp(-s * expected)
        density = math.exp((shape - 1.0) * math.log(s) - rate * s) * likelihood
        for power in range(3):
            sums[power] += density * s**power
    mean = sums[1] / sums[0]
    variance = sums[2] / sums[0] - mean * mean
    matched = Gamma(shape + added_shape, rate + added_rate)
    assert math.isclose(matched.mean, mean, rel_tol=1e-3)
    assert math.isclose(matched.shape / matched.rate**2, variance, rel_tol=5e-3)


@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.floats(0.0, 86_400.0), st.booleans(), st.booleans()),
        max_size=80,
    )
)
def test_estimates_are_positive_and_ordered_whatever_happens(waits):
    user, normal, now = Sensitivity(), Normal(), 0.0
    for program, wait_s, abandoned, ends in waits:
        now += wait_s
        user.observe_wait(now, program, wait_s, abandoned=abandoned, normal=normal)
        user.observe_launch(now + 30.0, program)
        if ends:
            user.observe_session_end(now + 60.0, normal)
        for asked in (None, program):
            estimate = user.estimate(asked, normal)
            assert 0.0 <= estimate.low <= estimate.value < 1e6
            assert estimate.low < estimate.high
    assert Sensitivity.from_bytes(user.to_bytes()) == user
