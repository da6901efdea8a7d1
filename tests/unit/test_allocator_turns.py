"""One turn of the allocator's loop: answers are committed first, the reserve looked after less."""

from collections import Counter
from types import SimpleNamespace

import pytest

from allocator import owner as owner_room
from allocator.clock import CallClock, PartitionClock
from allocator.cloud.simulated import SimulatedCloud, Simulation
from allocator.executor import Executor
from allocator.machine.lifecycle import Phase
from allocator.machine.observed import Verb
from allocator.options import AllocatorOptions
from allocator.owner import PAUSE_S, SLICE, PartitionOwner
from allocator.pools import restore_pool
from allocator.runner.simulated import SimulatedRunner
from allocator.starter import Starter
from schemas.codec import Codec, MemoryIds
from schemas.pools import Pool
from schemas.records import AllocationRequest
from schemas.settings import Settings
from schemas.topics import ALLOCATION_REQUESTS
from tests.testkit.pipeline import wait_for

NOW_MS = 1_700_000_000_000


class Loop:
    """An owner of one pool whose transactions are noted instead of made."""

    def __init__(self, monkeypatch, tmp_path) -> None:
        self.at_s = 1_000.0
        self.committed: list[tuple[list[str], dict[str, int]]] = []
        monkeypatch.setattr(owner_room, "time", SimpleNamespace(monotonic=lambda: self.at_s))
        self.settings = Settings(state_dir=tmp_path)
        self.codec = Codec(MemoryIds())
        options = AllocatorOptions(simulation=Simulation(launch_spread=0.0), runner="none")
        pools = {"office": Pool("office", min_instances=2, max_instances=4, cap=8)}
        clock = PartitionClock("wall", lambda: NOW_MS + round(1000 * self.at_s))
        cloud = SimulatedCloud(CallClock(clock), "me", options.simulation)
        starter = Starter(SimulatedRunner(), {})
        self.executor = Executor(cloud, pools, CallClock(clock), starter)
        self.owner = PartitionOwner(
            self.settings, options, self.codec, pools,
            {"office": restore_pool(pools["office"], options, {}, NOW_MS, {})},
            self, self.executor, clock, lambda: None, Counter(),
        )  # fmt: skip
        self.asked = self.looked = 0
        self.look = self.owner.pools["office"].step
        self.owner.pools["office"].step = self.looks

    def looks(self, now_ms: int, most: int) -> None:
        """As the pool's step, counted."""
        self.looked += 1
        self.look(now_ms, most)

    def commit(self, changes, outbox, letters, offsets, group, now_ms) -> None:
        """As a journal."""
        del changes, letters, group, now_ms
        kinds = [event.kind for event in outbox.events] + [call.verb for call in outbox.calls]
        self.committed.append((kinds, dict(offsets)))

    def ask(self) -> None:
        self.asked += 1
        request = AllocationRequest(
            request_id=f"r-{self.asked}", kind="REQUEST", user="ann", program="mail",
            pool="office", time=NOW_MS,
        )  # fmt: skip
        value = self.codec.encode(ALLOCATION_REQUESTS, request)
        topic = self.settings.topic(ALLOCATION_REQUESTS.name)
        number = self.asked
        message = SimpleNamespace(
            topic=lambda: topic, headers=list, value=lambda: value, offset=lambda: number
        )
        self.owner.handle([message])

    def hear(self) -> None:
        """Wait until the cloud has answered, which takes real time and none of the test.s."""
        heard = self.executor._ends.empty
        wait_for(lambda: self.owner.has_more or not heard(), "an answer of the cloud")

    def turn(self, after_s: float) -> None:
        """Let time pass and the pools be looked after."""
        self.at_s += after_s
        self.owner.cycle()


def calls_of(committed: tuple[list[str], dict[str, int]]) -> int:
    return sum(kind in set(Verb) for kind in committed[0])


@pytest.fixture
def loop(monkeypatch, tmp_path):
    loop = Loop(monkeypatch, tmp_path)
    yield loop
    loop.executor.close()


def test_an_answer_is_committed_with_its_offset_before_the_reserve_is_looked_after(loop) -> None:
    loop.ask()
    (kinds, offsets), *others = loop.committed
    assert others == []
    assert kinds == []  # nothing is warm yet: it waits
    assert list(offsets.values()) == [2]
    assert loop.looked == 0
    loop.turn(after_s=0.0)
    kinds, offsets = loop.committed[-1]
    assert kinds.count(Verb.CREATE) >= 2
    assert offsets == {}


def test_requests_in_a_row_stir_the_reserve_at_most_four_times_a_second(loop) -> None:
    loop.turn(after_s=0.0)
    loop.looked = 0
    for _ in range(20):
        loop.ask()
        loop.turn(after_s=PAUSE_S / 5 + 1e-6)
    assert loop.looked == 4
    assert len([offsets for _, offsets in loop.committed if offsets]) == 20


def test_without_requests_the_reserve_is_looked_after_each_second(loop) -> None:
    loop.turn(after_s=0.0)
    loop.looked = 0
    for _ in range(40):
        loop.turn(after_s=0.1)
    # Each second, and when the cloud has answered.
    assert 3 <= loop.looked <= 4.0 / PAUSE_S


def test_many_launches_go_in_pieces_and_requests_between_them(loop) -> None:
    pool = loop.owner.pools["office"]
    pool.ledger.cap = 1_000
    loop.turn(after_s=0.0)
    for _ in range(3 * SLICE):
        loop.ask()
    loop.committed.clear()
    loop.turn(after_s=PAUSE_S)
    assert calls_of(loop.committed[-1]) == SLICE
    assert loop.owner.has_more
    loop.ask()
    assert calls_of(loop.committed[-1]) == 0
    assert loop.committed[-1][1]  # answered and committed, between two pieces
    for _ in range(20):
        loop.turn(after_s=0.001)
    assert max(map(calls_of, loop.committed)) == SLICE
    assert sum(map(calls_of, loop.committed)) >= 3 * SLICE
    assert not loop.owner.has_more


def test_what_the_cloud_answered_is_taken_in_piece_by_piece(loop) -> None:
    pool = loop.owner.pools["office"]
    loop.executor.submit_listing = lambda *_: None  # which would find what was created
    pool.ledger.cap = 1_000
    for _ in range(3 * SLICE):
        loop.ask()
    loop.turn(after_s=0.0)
    while loop.owner.has_more or pool.ledger.count(Phase.PLANNED):
        planned = pool.ledger.count(Phase.PLANNED)
        loop.hear()
        loop.turn(after_s=PAUSE_S)
        assert planned - pool.ledger.count(Phase.PLANNED) <= SLICE
    assert pool.ledger.count(Phase.BUILDING) >= 3 * SLICE


def test_a_listing_is_taken_in_piece_by_piece_and_no_other_meanwhile(loop) -> None:
    pool = loop.owner.pools["office"]
    pool.ledger.cap = 1_000
    for _ in range(3 * SLICE):
        loop.ask()
    loop.turn(after_s=0.0)
    # No other listing is under way then.
    while loop.owner.has_more or pool.ledger.count(Phase.PLANNED) or loop.executor._is_listing:
        loop.hear()
        loop.turn(after_s=PAUSE_S)
    loop.at_s += 200.0  # built meanwhile
    listings = []
    loop.executor.submit_listing = lambda pool, now_ms: listings.append((pool, now_ms))
    listing = loop.executor.list_now("office", NOW_MS + round(1000 * loop.at_s))
    loop.executor._ends.put(listing)
    loop.turn(after_s=0.0)
    while pool.is_listing:
        served = pool.ledger.count(Phase.ASSIGNED)
        loop.turn(after_s=0.001)
        assert pool.ledger.count(Phase.ASSIGNED) - served <= SLICE
        assert listings == [] or not pool.is_listing
    assert pool.ledger.waiting == 0
