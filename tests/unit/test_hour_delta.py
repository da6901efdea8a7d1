"""What one user's hour may teach all others: bounded for the hostile, all of it for the busy."""

from collections.abc import Iterable

import msgspec
import pytest

from schemas.records import Activity
from schemas.topics import PREDICTIONS_PROGRAMS
from streams.pipeline import learned
from streams.pipeline.learned import HourDelta
from streams.pipeline.user import User
from tests.testkit.office import START_MS
from tests.testkit.people import World

LIMITS = ("MOST_PROGRAMS", "MOST_FOLLOWERS", "MOST_TRANSITIONS", "MOST_BUCKETS")
PREFIX = "a name that is as long as they may be, "


def launching(programs: Iterable[str]) -> World:
    world = World()
    for second, program in enumerate(programs):
        launch = Activity(seq=second, time=START_MS + 1000 * second, kind="LAUNCH", program=program)
        world.send("eve", launch)
    return world


def user_of(world: World) -> User:
    user = world.users.get("eve")
    assert user is not None
    return user


def hour_of(world: World) -> HourDelta:
    (delta,) = user_of(world).open_hours.values()
    return delta


@pytest.fixture
def _less(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sixteenth of each limit: a state is encoded at each launch here."""
    for name in LIMITS:
        monkeypatch.setattr(learned, name, getattr(learned, name) // 16)


@pytest.mark.usefixtures("_less")
def test_a_new_name_with_each_launch_grows_nothing_beyond_its_limit() -> None:
    world = launching(f"{PREFIX}{n:0160d}" for n in range(200))
    delta = hour_of(world)
    assert len(delta.by_program) == learned.MOST_PROGRAMS == 32
    assert len(delta.programs.names) <= 32
    assert delta.gaps.transitions <= 32
    assert len(delta.to_bytes()) < 20_000
    assert delta.launches == user_of(world).launches == 200, "all are counted"
    assert len(world.records(PREDICTIONS_PROGRAMS)) == 200


@pytest.mark.usefixtures("_less")
def test_known_names_in_ever_other_orders_grow_nothing_either() -> None:
    world = launching(f"p{n * n * n % 31}" for n in range(400))
    delta = hour_of(world)
    assert len(delta.programs.follows) <= learned.MOST_FOLLOWERS + 5
    assert delta.gaps.transitions <= learned.MOST_TRANSITIONS + 1
    assert sum(delta.by_program.values()) == 400, "crowds are counted all the same"


@pytest.mark.usefixtures("_less")
def test_beyond_the_limit_the_users_own_profile_learns_on() -> None:
    world = launching([*(f"p{n}" for n in range(60)), *("late", "later") * 20])
    last = world.records(PREDICTIONS_PROGRAMS)[-1]
    assert max(last.candidates, key=lambda c: c.p_next).program == "late"
    assert "late" not in hour_of(world).by_program


@pytest.mark.usefixtures("_less")
def test_measurements_of_ever_other_programs_grow_nothing_either() -> None:
    world = World()
    for n in range(1_000):
        time = START_MS + 1000 * n
        sample = Activity(
            seq=n, time=time, kind="SAMPLE", program=f"p{n}", cpu_cores=1.0, memory_bytes=n,
            storage_bytes=n, disk_bytes_per_s=n, network_bytes_per_s=n,
        )  # fmt: skip
        world.send("eve", sample)
    counts = hour_of(world).consumption
    assert learned.MOST_BUCKETS <= counts.used <= learned.MOST_BUCKETS + 5 * 65
    assert len(counts.to_bytes()) < 12 * learned.MOST_BUCKETS


def test_the_busiest_recorded_hour_is_taught_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """300 launches of 209 programs, as a user of the CTC's batch machine did."""
    programs = [f"job{n % 209}" for n in range(300)]
    bounded = hour_of(launching(programs))
    for name in LIMITS:
        monkeypatch.setattr(learned, name, 2**40)
    assert msgspec.msgpack.decode(bounded.to_bytes()) == msgspec.msgpack.decode(
        hour_of(launching(programs)).to_bytes()
    )


def test_the_limit_is_kept_by_a_state_that_was_saved() -> None:
    delta = HourDelta()
    for n in range(learned.MOST_PROGRAMS):
        assert delta.launched(f"p{n}") is delta
    again = HourDelta.from_bytes(delta.to_bytes())
    assert again.launched("one more") is not again
    assert again.launched("p1") is again
    assert again.launches == learned.MOST_PROGRAMS + 2
