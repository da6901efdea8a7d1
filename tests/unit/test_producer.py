"""What a producer refuses, how it batches, numbers and hides: without a broker."""

import string
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from schemas.records import Activity
from schemas.settings import Settings
from streams.collect import HeldByAnotherError, InvalidActivityError
from streams.collect.batches import OpenBatches
from streams.collect.numbering import BLOCK, Numbering
from streams.collect.pseudonym import Pseudonyms
from streams.collect.validity import check_activity, milliseconds


def event(**fields) -> Activity:
    return Activity(**{"seq": 0, "time": 0, "kind": "SAMPLE", "program": "vim"} | fields)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"program": ""}, "program ''"),
        ({"program": "a\nb"}, "printable"),
        ({"program": "x" * 257}, "1 to 256"),
        ({"time": -1}, "time -1 ms"),
        ({"seq": 2**63}, "seq"),
        ({"cpu_cores": float("nan")}, "cpu_cores nan"),
        ({"memory_bytes": -5}, "memory_bytes -5"),
        ({"network_bytes_per_s": float("inf")}, "network_bytes_per_s inf"),
        ({"kind": "WAIT"}, "needs wait_s"),
    ],
)
def test_what_nobody_could_use_is_refused_with_its_field(fields, told) -> None:
    with pytest.raises(InvalidActivityError, match=told):
        check_activity(event(**fields))


def test_times_are_moments_and_not_clock_readings() -> None:
    assert milliseconds(datetime(1970, 1, 2, tzinfo=UTC)) == 86_400_000
    with pytest.raises(InvalidActivityError, match="no zone"):
        milliseconds(datetime(1970, 1, 2))  # noqa: DTZ001 - that is the mistake
    for impossible in (-1.0, float("nan"), 5e9):
        with pytest.raises(InvalidActivityError, match="1970 and 2100"):
            milliseconds(impossible)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 2)), max_size=40))
def test_batches_lose_nothing_and_keep_each_users_order(added) -> None:
    waiting = OpenBatches(max_events=3, max_age_s=1.0)
    out: dict[str, list[int]] = {}
    now_s = 0.0
    for seq, (user, pause_s) in enumerate(added):
        now_s += pause_s
        for due, events in waiting.due(now_s):
            out.setdefault(due, []).extend(e.seq for e in events)
        full = waiting.add(user, event(seq=seq), now_s)
        if full:
            assert len(full) == 3
            out.setdefault(user, []).extend(e.seq for e in full)
    for user, events in waiting.drain():
        out.setdefault(user, []).extend(e.seq for e in events)
    assert out == {
        user: [n for n, (who, _) in enumerate(added) if who == user] for user, _ in added
    }


def test_numbers_go_on_after_a_restart(tmp_path) -> None:
    first = Numbering(tmp_path, "agent")
    assert [first.take() for _ in range(3)] == [0, 1, 2]
    first.close()
    assert Numbering(tmp_path, "agent").take() == 3


def test_after_a_kill_no_number_is_given_twice(tmp_path) -> None:
    killed = Numbering(tmp_path, "agent")
    given_out = {killed.take() for _ in range(BLOCK + 5)}
    killed._file.close()  # the lock goes with the process; nothing is written back
    assert Numbering(tmp_path, "agent").take() > max(given_out)


def test_two_producers_can_not_be_one_source(tmp_path) -> None:
    held = Numbering(tmp_path, "agent")
    with pytest.raises(HeldByAnotherError, match="source 'agent' is in use"):
        Numbering(tmp_path, "agent")
    held.close()


def test_sources_that_look_alike_on_disk_are_kept_apart(tmp_path) -> None:
    assert Numbering(tmp_path, "a/b").take() == Numbering(tmp_path, "a-b").take() == 0


names = st.text(min_size=1, max_size=40)


@given(names, names)
def test_pseudonyms_are_stable_and_tell_users_apart(one, other) -> None:
    key = b"k" * 16
    pseudonym = Pseudonyms(key, key).user(one)
    assert pseudonym == Pseudonyms(key, key).user(one)
    assert (pseudonym == Pseudonyms(key, key).user(other)) == (one == other)
    assert pseudonym != Pseudonyms(b"l" * 16, key).user(one)
    assert set(pseudonym) <= set(string.hexdigits)


def test_names_of_data_are_hashed_even_without_a_key_and_with_a_key_of_the_host(tmp_path) -> None:
    one = Settings(state_dir=tmp_path / "one")
    other = Settings(state_dir=tmp_path / "other")
    hidden = Pseudonyms.from_settings(one).data("/home/ada/thesis.tex")
    assert hidden == Pseudonyms.from_settings(one).data("/home/ada/thesis.tex")
    assert hidden != Pseudonyms.from_settings(other).data("/home/ada/thesis.tex")
    assert (tmp_path / "one" / "data-key").stat().st_mode & 0o077 == 0


def test_a_key_that_can_be_guessed_is_refused() -> None:
    with pytest.raises(ValueError, match="pseudonym_key has 5 characters; use 16 or more"):
        Pseudonyms.from_settings(Settings(pseudonym_key=SecretStr("short")))
