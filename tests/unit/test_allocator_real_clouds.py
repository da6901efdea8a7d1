"""What real clouds do beside the usual: dead hosts, and launches that find no room."""

import dataclasses

import pytest

from allocator.machine.lifecycle import Phase
from allocator.machine.observed import CloudStatus, Observed
from tests.testkit.allocator_world import POOL, World

LEAD_MS = 200_000


@pytest.fixture
def world() -> World:
    """A pool that wants three and has them."""
    made = World(1, cap=8, fault_rate=0.0)
    made.cycle()
    made.now_ms += LEAD_MS
    made.cycle()
    return made


def listed(world: World, intent_id: str, **changes: object) -> list[Observed]:
    """Return the listing with one instance changed."""
    return [
        dataclasses.replace(found, **changes) if found.intent_id == intent_id else found
        for found in world.cloud.list_pool(POOL)
    ]


def test_a_waiting_instance_on_a_dead_host_is_replaced(world) -> None:
    lost = world.pool.ledger.in_phase(Phase.READY)[0]
    listing = listed(world, lost.intent_id, status=CloudStatus.UNREACHABLE)
    world.pool.listing(listing, world.now_ms)
    assert lost.phase is Phase.READY, "written off at the first sight of a silent host"
    world.now_ms += world.plan.timings.silent_ms
    world.pool.listing(listing, world.now_ms)
    assert lost.phase is Phase.ERROR
    world.cycle()
    assert world.pool.ledger.coming == 1


def test_an_assigned_instance_on_a_dead_host_stays_with_its_user(world) -> None:
    world.ask("REQUEST", "r")
    world.cycle()
    lease = world.pool.ledger.leases["r"]
    listing = listed(world, lease.intent_id, status=CloudStatus.UNREACHABLE)
    for _ in range(3):
        world.now_ms += world.plan.timings.silent_ms
        world.pool.listing(listing, world.now_ms)
    assert world.pool.ledger.instances[lease.intent_id].phase is Phase.ASSIGNED


def test_a_host_that_answers_again_in_time_loses_nothing(world) -> None:
    one = world.pool.ledger.in_phase(Phase.READY)[0]
    silent = listed(world, one.intent_id, status=CloudStatus.UNREACHABLE)
    for listing in (silent, world.cloud.list_pool(POOL), silent, world.cloud.list_pool(POOL)):
        world.pool.listing(listing, world.now_ms)
        world.now_ms += 20_000
    assert one.phase is Phase.READY


def test_when_most_seem_dead_at_once_the_reserve_is_left_alone(world) -> None:
    silent = [
        dataclasses.replace(found, status=CloudStatus.UNREACHABLE)
        for found in world.cloud.list_pool(POOL)
    ]
    for _ in range(5):
        world.pool.listing(silent, world.now_ms)
        world.now_ms += 60_000
    assert world.pool.ledger.count(Phase.READY, Phase.PAUSED) == 3


def test_launches_pause_where_an_accepted_one_finds_no_room(world) -> None:
    world.target = 5
    world.cycle()
    building = world.pool.ledger.in_phase(Phase.BUILDING)
    assert len(building) == 2
    listing = listed(
        world, building[0].intent_id, status=CloudStatus.ERROR, is_capacity=True,
        fault="No valid host was found.",
    )  # fmt: skip
    world.pool.listing(listing, world.now_ms)
    assert "No valid host" in building[0].reason
    before = world.pool.ledger.totals.next_number
    world.pool.step(world.now_ms)
    assert world.pool.ledger.totals.next_number == before, "it launched again at once"
    world.now_ms += 130_000
    world.pool.step(world.now_ms)
    assert world.pool.ledger.totals.next_number > before
