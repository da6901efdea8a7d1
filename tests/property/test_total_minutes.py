"""What must hold of the next hour's total whatever pools tell and whoever tells first."""

import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.pipeline.resources import RESOURCES
from streams.pipeline.tellings import minutes_part, minutes_telling
from streams.pipeline.total import TotalFold
from streams.pipeline.total_state import TotalState

POOLS = ("a", "b", "c")
START = 487_000 * 60
VALUES = st.one_of(st.just(0.0), st.integers(0, 40).map(float), st.floats(0.0, 1e9))
HOURS = st.tuples(VALUES, VALUES).map(lambda ends: np.linspace(*ends, 60))


@st.composite
def said(draw: st.DrawFn) -> list:
    """Some marks of all pools, each with some resources, of which some are lost."""
    told = []
    for mark in range(draw(st.integers(1, 8))):
        for pool in POOLS:
            parts = [
                minutes_part(resource, draw(st.lists(VALUES, max_size=5)), draw(HOURS))
                for resource in draw(st.sets(st.sampled_from(RESOURCES), max_size=2))
            ]
            if draw(st.integers(0, 9)):
                at_ms = (START + 5 * mark) * 60_000
                told.append(minutes_telling(pool, at_ms, parts, is_due=draw(st.booleans())).record)
    return told


def totals(told: list) -> list:
    fold = TotalFold(POOLS, TotalState.empty(), lambda _: None)
    return [output.record for one in told for output in fold.apply(one).outputs]


@settings(max_examples=60, deadline=None)
@given(told=said())
def test_means_add_up_quantiles_rise_and_lost_marks_are_not_forecast(told: list) -> None:
    for total in totals(told):
        parts = [
            part
            for one in told
            if one.made_at == total.made_at
            for part in one.parts
            if part.resource == total.resource
        ]
        assert sum(one.made_at == total.made_at for one in told) == len(POOLS)
        sums = np.sum([part.hour_means for part in parts], axis=0)
        assert np.allclose(total.means, sums, rtol=1e-9, atol=len(POOLS))
        quantiles = np.array([step.quantiles for step in total.steps])
        assert np.isfinite(quantiles).all()
        assert (quantiles >= 0.0).all()
        assert (np.diff(quantiles, axis=1) >= 0.0).all()
        assert (np.diff(total.peak) >= 0.0).all()
        assert (np.array(total.peak) >= quantiles.max(axis=0)).all()


@settings(max_examples=40, deadline=None)
@given(told=said(), seed=st.integers(0, 2**32 - 1))
def test_who_tells_first_does_not_show(told: list, seed: int) -> None:
    chance = random.Random(seed)
    by_pool = {pool: [one for one in told if one.pool == pool] for pool in POOLS}
    mixed = []
    while any(by_pool.values()):
        mixed.append(by_pool[chance.choice([p for p in POOLS if by_pool[p]])].pop(0))
    assert totals(mixed) == totals(told)
