"""What is fetched while partitions are paused and resumed comes again: a hole would be lost."""

import asyncio
from collections.abc import Callable
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

from faust.types import TP

from streams.runtime.app import _Consumer, _ConsumerThread

SOURCE, CHANGELOG = TP("telemetry.activity", 0), TP("users-changelog", 0)


class Fetcher:
    """aiokafka's, as far as it matters: it looks at the set when something comes."""

    _closed = False

    def __init__(self, comes: dict[TP, list[int]], meanwhile: Callable[[], None]) -> None:
        self._subscriptions = SimpleNamespace(fetch_context=nullcontext)
        self._comes = comes
        self._meanwhile = meanwhile
        self.seeks: list[tuple[TP, int]] = []

    async def fetched_records(self, partitions: Any, **_: object) -> dict[TP, list[Any]]:
        self._meanwhile()
        return {
            tp: [SimpleNamespace(offset=offset) for offset in offsets]
            for tp, offsets in self._comes.items()
            if not partitions or tp in partitions
        }

    def seek_to(self, tp: TP, offset: int) -> None:
        self.seeks.append((tp, offset))


def fetched(
    active: set[TP], fetcher: Fetcher, buffered: frozenset[TP] = frozenset()
) -> dict[TP, list[int]]:
    """Offsets that the consumer gets, by partition."""
    thread = object.__new__(_ConsumerThread)
    thread.consumer = SimpleNamespace(flow_active=True, _buffered_partitions=set(buffered))
    consumer = SimpleNamespace(_closed=False, _fetcher=fetcher)
    records = asyncio.run(thread._fetch_records(consumer, active, 1.0, 500))
    return {tp: [record.offset for record in found] for tp, found in records.items()}


def test_what_is_active_is_fetched() -> None:
    fetcher = Fetcher({SOURCE: [12, 13], CHANGELOG: [5]}, lambda: None)
    assert fetched({SOURCE}, fetcher) == {SOURCE: [12, 13]}
    assert fetcher.seeks == []


def test_a_set_that_empties_meanwhile_does_not_mean_all_partitions() -> None:
    """A recovery has ended: its changelog is paused, the sources are not resumed yet."""
    active = {CHANGELOG}
    fetcher = Fetcher({SOURCE: [12, 13]}, active.clear)
    assert fetched(active, fetcher) == {}
    assert fetcher.seeks == [], "nothing was taken of the source"


def test_nothing_is_fetched_where_nothing_is_active() -> None:
    assert fetched(set(), Fetcher({SOURCE: [12, 13]}, lambda: None)) == {}


def test_what_came_of_a_partition_that_is_paused_meanwhile_comes_again() -> None:
    active = {SOURCE, CHANGELOG}
    fetcher = Fetcher({SOURCE: [12, 13], CHANGELOG: [5]}, lambda: active.discard(SOURCE))
    assert fetched(active, fetcher) == {CHANGELOG: [5]}
    assert fetcher.seeks == [(SOURCE, 12)]


def test_a_partition_whose_agent_is_busy_keeps_what_came() -> None:
    active = {SOURCE, CHANGELOG}
    fetcher = Fetcher({SOURCE: [12, 13]}, lambda: active.discard(SOURCE))
    assert fetched(active, fetcher, frozenset({SOURCE})) == {SOURCE: [12, 13]}
    assert fetcher.seeks == []


def test_a_rebalance_amid_a_stop_takes_no_more_and_closes_nothing() -> None:
    """The stop closes, once it has committed; Faust's would reach for the thread's consumer."""
    consumer = object.__new__(_Consumer)
    consumer.can_resume_flow, consumer.suspend_flow = asyncio.Event(), asyncio.Event()
    consumer.close()
    assert not consumer.flow_active
