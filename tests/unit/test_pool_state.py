"""What the saved state of a pool promises across versions."""

import msgspec
import pytest

from streams.models.demand.bottom_up import BottomUp
from streams.pipeline.next_hour import NextHour
from streams.pipeline.pool_state import VERSION, PoolState
from streams.pipeline.state_version import OtherVersionError


def saved(version: int) -> bytes:
    state = PoolState.empty(2, 5)
    state.version, state.first_hour, state.hours, state.lift = version, 480_000, 77, 3.0
    state.next_hour = b"of books that are no more" if version < 5 else BottomUp().to_bytes()
    return state.to_bytes()


def test_a_state_comes_back_as_it_was():
    data = saved(VERSION)
    assert PoolState.from_bytes(data).to_bytes() == data


def test_of_the_version_before_all_is_kept():
    before = msgspec.msgpack.decode(saved(VERSION - 1))
    without_minutes = msgspec.msgpack.encode(before[:-1])
    assert PoolState.from_bytes(without_minutes).to_bytes() == saved(VERSION)


def test_of_the_version_before_that_all_but_the_combination_is_kept():
    state = PoolState.from_bytes(saved(VERSION - 2))
    assert (state.version, state.first_hour, state.hours) == (VERSION, 480_000, 77)
    assert (state.next_hour, state.lift) == (b"", 3.0)
    assert NextHour(state).to_bytes() == b""  # begins again instead of ending the process


@pytest.mark.parametrize("version", [VERSION - 3, VERSION + 1])
def test_other_versions_are_refused_by_name(version):
    with pytest.raises(OtherVersionError, match=f"version {version}, .* reads {VERSION}"):
        PoolState.from_bytes(saved(version))


def test_bytes_that_are_no_state_are_refused():
    with pytest.raises(ValueError, match="no pool state"):
        PoolState.from_bytes(msgspec.msgpack.encode(["x"]))
