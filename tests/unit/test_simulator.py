"""The simulated office: the same for one seed, and like work."""

import random
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from schemas.pools import load_pools, pool_of
from streams.collect import ReplayOptions, Simulator, write_rows
from streams.collect.office import PROGRAMS, ROLES
from streams.collect.replay_plan import read_plan

A_MONDAY = datetime(2024, 1, 1, tzinfo=UTC)


def office(seed: int = 1, users: int = 12, days: int = 14) -> list:
    return Simulator(random.Random(seed), users).rows(A_MONDAY, days)


@given(st.integers(0, 1000))
def test_one_seed_is_one_office(seed) -> None:
    rows = office(seed, users=2, days=2)
    assert rows == office(seed, users=2, days=2)
    assert [row.time for row in rows] == sorted(row.time for row in rows)


def test_another_seed_is_another_office() -> None:
    assert office(1) != office(2)


def test_people_work_on_weekdays_by_day_and_pause_at_noon() -> None:
    moments = [datetime.fromisoformat(row.time) for row in office()]
    weekdays = Counter(moment.weekday() for moment in moments)
    hours = Counter(moment.hour for moment in moments)
    assert weekdays[6] == 0
    assert weekdays[5] < 0.1 * weekdays[0]
    assert sum(hours[h] for h in range(6)) == 0
    assert hours[12] < 0.6 * hours[11]


def test_what_a_developer_does_after_editing_can_be_learnt() -> None:
    mine = [row.program for row in office() if row.user == "developer-02"]
    after = Counter(later for program, later in pairwise(mine) if program == "editor")
    assert after["compiler"] / after.total() > 0.6


def test_every_program_is_declared_and_served_by_a_named_pool() -> None:
    pools = load_pools(Path("infra/pools.toml"))
    for role in ROLES:
        for after in role.follows.values():
            assert all(follower.program in role.follows for follower in after)
            assert sum(follower.weight for follower in after) <= 1
    assert "default" not in {pool_of(program, pools) for program in PROGRAMS}


def test_the_file_is_the_same_to_the_byte_and_can_be_replayed(tmp_path) -> None:
    one, other = tmp_path / "one.csv.gz", tmp_path / "other.csv.gz"
    assert write_rows(one, office(days=2)) == write_rows(other, office(days=2)) > 100
    assert one.read_bytes() == other.read_bytes()
    rows = read_plan(one, ReplayOptions()).rows
    assert len(rows) == len(office(days=2))
    assert (rows.run_s > 0).all()
    assert (rows.memory_bytes > 1e6).all()
