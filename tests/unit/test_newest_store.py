"""Recovery keeps the state that had come furthest, whatever the changelog's order."""

import asyncio
from types import SimpleNamespace

import pytest

from streams.runtime import fence
from streams.runtime.newest_store import NewestStore, ranked


def record(key: bytes, value: bytes | None, partition: int = 0) -> SimpleNamespace:
    return SimpleNamespace(message=SimpleNamespace(key=key, value=value, partition=partition))


def recovered(*records: SimpleNamespace) -> dict[bytes, bytes]:
    store = NewestStore("memory://", None, None, table_name="t")
    store.apply_changelog_batch(records, None, None)
    return store.data


def test_a_late_write_of_a_paused_worker_changes_nothing() -> None:
    newer, older = ranked(9, b"of the successor"), ranked(7, b"of the one that was paused")
    assert recovered(record(b"k", newer), record(b"k", older)) == {b"k": newer}


def test_of_equal_ranks_the_later_counts() -> None:
    first, second = ranked(9, b"first"), ranked(9, b"second")
    assert recovered(record(b"k", first), record(b"k", second)) == {b"k": second}


def test_a_tombstone_forgets() -> None:
    assert recovered(record(b"k", ranked(9, b"state")), record(b"k", None)) == {}


def test_bytes_too_short_for_a_rank_never_replace_a_state() -> None:
    state = ranked(0, b"state")
    assert recovered(record(b"k", state), record(b"k", b"junk")) == {b"k": state}


async def keys_left(store: NewestStore, *partitions: int) -> set[bytes]:
    active = {("changelog", partition) for partition in partitions}
    await store.on_recovery_completed(active, set())
    return set(store.data)


def test_keys_of_partitions_that_went_away_go_too() -> None:
    store = NewestStore("memory://", None, None, table_name="t")
    store.put(b"here", ranked(1, b"x"), 1)
    store.put(b"gone", ranked(1, b"x"), 2)
    assert asyncio.run(keys_left(store, 1)) == {b"here"}


def test_a_pause_longer_than_a_session_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[str] = []
    monkeypatch.setattr(fence, "end_process", lambda reason, **_: ended.append(reason))
    clock = [100.0]
    monkeypatch.setattr(fence.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(fence.threading.Thread, "start", lambda self: None)
    guard = fence.Fence(8.0)
    clock[0] += 60.0
    guard.start()
    guard.check()
    assert not ended, "what passed before the start was no pause"
    clock[0] += 7.9
    guard.check()
    assert not ended
    clock[0] += 0.2
    guard.check()
    assert ended == ["paused for longer than a session lasts"]
