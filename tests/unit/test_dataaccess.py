"""Data that programs touch: learnt per program, predicted with the next program."""

import random

import pytest

from streams.models.dataaccess import DataAccess, data_key, data_text


def _run(access, program, refs):
    access.observe_launch(program)
    for ref in refs:
        access.observe_access(program, ref)


def test_probabilities_are_those_of_the_runs():
    access, rng = DataAccess(), random.Random(1)
    for _ in range(300):
        _run(access, 1, [ref for ref, p in ((10, 0.9), (11, 0.5), (12, 0.1)) if rng.random() < p])
    shares = dict(access.refs(1))
    assert shares[10] == pytest.approx(0.9, abs=0.2)
    assert shares[11] == pytest.approx(0.5, abs=0.3)
    assert shares.get(12, 0.0) < 0.4
    assert access.refs(1)[0][0] == 10


def test_the_last_run_counts_before_the_next_begins():
    access = DataAccess()
    _run(access, 1, [10])
    assert access.refs(1) == [(10, pytest.approx(0.5, abs=0.01))]


def test_data_that_is_touched_once_does_not_displace_what_always_is():
    access = DataAccess(refs_per_program=3)
    for run in range(50):
        _run(access, 1, [10, 11, 1000 + run, 2000 + run])
    shares = dict(access.refs(1))
    assert shares[10] > 0.9
    assert shares[11] > 0.9


def test_a_change_of_data_is_followed():
    access = DataAccess()
    for _ in range(100):
        _run(access, 1, [10])
    for _ in range(40):
        _run(access, 1, [20])
    assert access.refs(1)[0][0] == 20
    assert dict(access.refs(1)).get(10, 0.0) < 0.1


def test_the_next_programs_distribution_weighs_the_data():
    access = DataAccess()
    for _ in range(100):
        _run(access, 1, [10, 30])
        _run(access, 2, [20, 30])
    predicted = dict(access.predict([(1, 0.8), (2, 0.2), (3, 0.5)]))
    assert predicted[30] == pytest.approx(1.0, abs=0.05)
    assert predicted[10] == pytest.approx(0.8, abs=0.05)
    assert predicted[20] == pytest.approx(0.2, abs=0.05)


def test_the_program_not_launched_for_longest_gives_way():
    access = DataAccess(max_programs=2)
    for program in (1, 2, 1, 3):
        _run(access, program, [10])
    assert access.refs(2) == []
    assert access.refs(1)
    assert access.refs(3)
    access.forget(1)
    assert access.refs(1) == []


def test_keys_keep_a_hash_and_hide_anything_else():
    assert data_text(data_key("0123456789abcdef")) == "0123456789abcdef"
    assert data_key("/home/someone/secret.txt") == data_key("/home/someone/secret.txt")
    assert data_key("a") != data_key("b")


@pytest.mark.parametrize("sizes", [(0, 4), (256, 4), (16, 0), (16, 65)])
def test_sizes_have_limits(sizes):
    with pytest.raises(ValueError, match="programs of"):
        DataAccess(*sizes)
