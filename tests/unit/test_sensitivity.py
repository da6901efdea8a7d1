"""Sensitivity on simulated users whose true sensitivity is known."""

import math
import random

import numpy as np
import pytest

from streams.models.sensitivity import Normal, Sensitivity, WaitCounts

NORMAL = Normal()


def simulate(true, waits, seed, factors=(1.0, 1.0, 1.0), relaunch_share=0.05, counts=None):
    """A user of that sensitivity, whose programs differ by `factors`, after so many launches."""
    rng, user, now = random.Random(seed), Sensitivity(), 0.0
    for _ in range(waits):
        now, program = now + 7200.0, rng.randrange(3)
        sensitivity = true * factors[program]
        wait_s = 0.0 if rng.random() < 0.3 else rng.lognormvariate(math.log(40.0), 0.8)
        patience_s = 60.0 * rng.expovariate(sensitivity * NORMAL.abandons_per_min)
        abandoned, wait_s = patience_s < wait_s, min(wait_s, patience_s)
        user.observe_launch(now, program)
        user.observe_wait(
            now + wait_s, program, wait_s, abandoned=abandoned, normal=NORMAL, counts=counts
        )
        if abandoned:
            continue
        minutes = wait_s / 60.0

        def happens(share, rate, exposure=sensitivity * minutes):
            return rng.random() < 1.0 - (1.0 - share) * math.exp(-exposure * rate)

        if happens(relaunch_share, NORMAL.relaunches_per_min):
            user.observe_launch(now + wait_s + 20.0, program)
        cut = happens(NORMAL.cut_share, NORMAL.cuts_per_min)
        user.observe_session_end(now + wait_s + (30.0 if cut else 3000.0), NORMAL, counts)
    return user


def _population(users, waits, seed):
    rng = random.Random(seed)
    truths = [rng.gammavariate(2.0, 0.5) for _ in range(users)]
    users = [simulate(true, waits, seed + k) for k, true in enumerate(truths)]
    return truths, [user.estimate(None, NORMAL) for user in users]


def _rank_correlation(left, right):
    ranks = [np.argsort(np.argsort(values)) for values in (left, right)]
    return float(np.corrcoef(*ranks)[0, 1])


@pytest.mark.parametrize(("waits", "wanted"), [(50, 0.7), (200, 0.88)])
def test_who_suffers_most_from_waiting_is_found(waits, wanted):
    truths, estimates = _population(100, waits, seed=1)
    assert _rank_correlation(truths, [e.value for e in estimates]) > wanted


@pytest.mark.parametrize("waits", [20, 200])
def test_ninety_per_cent_intervals_cover_about_that(waits):
    truths, estimates = _population(200, waits, seed=2)
    covered = np.mean([e.low <= t <= e.high for t, e in zip(truths, estimates, strict=True)])
    assert 0.84 <= covered <= 0.98


def test_intervals_narrow_with_evidence():
    widths = []
    for waits in (0, 50, 500):
        _, estimates = _population(30, waits, seed=3)
        widths.append(np.mean([e.high - e.low for e in estimates]))
    assert widths[0] > 1.3 * widths[1] > 1.6 * widths[2]


def test_programs_are_told_apart():
    hits = 0
    for seed in range(40):
        user = simulate(1.0, 300, seed, factors=(0.3, 1.0, 3.0))
        low, _, high = (user.estimate(program, NORMAL).value for program in range(3))
        hits += low < high
    assert hits >= 38


def test_a_program_never_waited_for_takes_the_users_mean():
    user = simulate(3.0, 200, seed=5)
    assert user.estimate(99, NORMAL) == user.estimate(None, NORMAL)


def test_a_user_who_relaunches_by_habit_is_not_taken_for_hurried():
    """Half of the launches repeat the program, waits or not: the controls show it."""
    values = [
        simulate(1.0, 300, seed, relaunch_share=0.5).estimate(None, NORMAL).value
        for seed in range(30)
    ]
    assert np.mean(values) == pytest.approx(1.0, abs=0.4)


def test_the_launch_at_the_end_of_its_own_wait_is_no_relaunch():
    patient = Sensitivity()
    for k in range(50):
        patient.observe_wait(k * 7200.0 + 60.0, 1, 60.0, abandoned=False, normal=NORMAL)
        patient.observe_launch(k * 7200.0 + 60.2, 1)
    assert patient.estimate(None, NORMAL).value < 0.5


def test_nothing_seen_gives_the_prior():
    estimate = Sensitivity().estimate(None, NORMAL)
    assert estimate.value == 1.0
    assert estimate.low < 0.5
    assert estimate.high > 2.0


@pytest.mark.parametrize("wait_s", [math.nan, math.inf, -1.0, 1e9])
def test_what_is_no_wait_is_skipped(wait_s):
    user = Sensitivity()
    user.observe_wait(0.0, 1, wait_s, abandoned=True, normal=NORMAL)
    assert user == Sensitivity()


def test_the_population_moves_the_operators_figures():
    counts = WaitCounts()
    for seed in range(40):
        simulate(3.0, 200, seed, counts=counts)
    counted = NORMAL.counted(counts)
    assert counted.abandons_per_min == pytest.approx(0.3, rel=0.1)
    assert 0.09 < counted.relaunches_per_min < 0.17  # true: 0.15; long waits react only once
    assert counted.relaunch_share == pytest.approx(0.05, abs=0.02)
    assert NORMAL.counted(WaitCounts()) == NORMAL
