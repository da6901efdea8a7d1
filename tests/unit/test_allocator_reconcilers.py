"""What each sub-reconciler does, told by small pools."""

import dataclasses

import pytest

from allocator.cloud.faults import Fault
from allocator.cloud.protocol import InstanceSpec
from allocator.machine.lifecycle import Phase
from allocator.machine.observed import CloudStatus, Observed, Verb
from tests.testkit.allocator_world import POOL, World

LEAD_MS = 200_000


@pytest.fixture
def world() -> World:
    """A pool of eight at most that wants three, on a cloud without faults."""
    return World(1, cap=8, fault_rate=0.0)


def warm(world: World) -> World:
    """Let the reserve be built."""
    world.cycle()
    for _ in range(2):
        world.now_ms += LEAD_MS
        world.cycle()
    return world


def kinds(world: World, request_id: str) -> list[str]:
    return [e.kind for e in world.events.values() if e.request_id == request_id]


def test_the_reserve_is_launched_and_registered(world) -> None:
    world.cycle()
    assert world.pool.ledger.count(Phase.BUILDING) == 3
    warm(world)
    assert world.pool.ledger.count(Phase.READY, Phase.PAUSED) == 3


def test_a_warm_request_is_answered_at_once_and_refilled(world) -> None:
    warm(world)
    world.ask("REQUEST", "r")
    world.cycle()
    lease = world.pool.ledger.leases["r"]
    assert (lease.tier, lease.wait_ms) == ("active", 0)
    assert world.pool.ledger.coming == 1
    assert (world.pool.ledger.totals.hits, world.pool.ledger.totals.misses) == (1, 0)


def test_more_than_the_running_ones_are_paused_and_assigned_after_them(world) -> None:
    warm(world)
    assert world.pool.ledger.count(Phase.PAUSED) == 1
    for name in ("a", "b", "c"):
        world.ask("REQUEST", name)
    world.cycle()
    assert sorted(x.tier for x in world.pool.ledger.leases.values()) == [
        "active", "active", "paused",
    ]  # fmt: skip
    thawed = world.pool.ledger.leases["c"].instance_id
    assert world.cloud.get(thawed).status is CloudStatus.ACTIVE


def test_an_unpause_that_was_lost_is_repeated(world) -> None:
    warm(world)
    world.cloud.faults.script(Verb.UNPAUSE, Fault.TIMEOUT_BEFORE)
    for name in ("a", "b", "c"):
        world.ask("REQUEST", name)
    world.cycle()
    world.now_ms += 20_000
    world.cycle()
    assert world.cloud.get(world.pool.ledger.leases["c"].instance_id).status == "active"


def test_the_urgent_are_served_first(world) -> None:
    world.target = 0
    world.chance.randrange = lambda _: 0
    world.ask("REQUEST", "calm")
    world.chance.randrange = lambda _: 2
    world.ask("REQUEST", "urgent")
    world.cycle()
    first = world.pool.ledger.next_waiting()
    assert first.request_id == "urgent"


def test_a_wait_ends_at_its_deadline(world) -> None:
    world.cloud.faults.is_out = True
    world.ask("REQUEST", "r", deadline_ms=world.now_ms + 5_000)
    world.cycle()
    world.now_ms += 6_000
    world.cycle()
    assert kinds(world, "r") == ["REJECTED"]


def test_release_extend_cancel_and_repeats_have_one_answer_each(world) -> None:
    warm(world)
    for kind in ("REQUEST", "REQUEST", "EXTEND", "RELEASE", "RELEASE", "REQUEST", "CANCEL"):
        world.ask(kind, "r")
    world.cycle()
    assert kinds(world, "r") == ["ASSIGNED", "EXTENDED", "RELEASED"]


def test_a_lease_that_is_not_extended_runs_out(world) -> None:
    warm(world)
    world.ask("REQUEST", "r")
    world.cycle()
    world.now_ms += 3_600_000
    world.cycle()
    assert kinds(world, "r")[::2] == ["ASSIGNED", "RELEASED"]


def test_a_released_instance_is_rebuilt_before_another_gets_it(world) -> None:
    world.target = 1
    warm(world)
    world.ask("REQUEST", "r")
    world.cycle()
    world.target = 3
    world.ask("RELEASE", "r")
    world.cycle()
    instance = world.pool.ledger.in_phase(Phase.RECYCLING)[0]
    assert world.cloud.get(instance.instance_id).status is CloudStatus.REBUILD
    world.now_ms += 31_000
    world.cycle()
    assert instance.phase in {Phase.READY, Phase.PAUSED}


def test_the_degraded_cloud_still_serves_what_is_warm(world) -> None:
    warm(world)
    world.cloud.faults.is_out = True
    world.ask("REQUEST", "r")
    world.cycle()
    assert kinds(world, "r") == ["ASSIGNED"]


def test_an_outage_longer_than_a_build_writes_nothing_off(world) -> None:
    world.cycle()
    world.cloud.faults.is_out = True
    world.now_ms += 2_000_000
    world.cycle()
    world.cloud.faults.is_out = False
    world.cycle()
    assert world.pool.ledger.count(Phase.READY, Phase.PAUSED) == 3


def test_an_instance_on_a_dead_host_fails_its_lease_and_is_replaced(world) -> None:
    warm(world)
    world.ask("REQUEST", "r")
    world.cycle()
    world.cloud.break_instance(world.pool.ledger.leases["r"].instance_id)
    world.settle()
    assert kinds(world, "r")[::2] == ["ASSIGNED", "FAILED"]
    world.check_settled()


def test_a_timeout_after_success_is_found_by_its_tag(world) -> None:
    world.target = 1
    world.cloud.faults.script(Verb.CREATE, Fault.TIMEOUT_AFTER_SUCCESS)
    world.cycle()
    assert world.pool.ledger.unresolved == 1
    warm(world)
    assert (world.cloud.held(), world.pool.ledger.count(Phase.READY)) == (1, 1)


def test_a_refused_launch_is_retried_after_a_pause(world) -> None:
    world.cloud.faults.script(Verb.CREATE, *[Fault.QUOTA] * 3)
    world.cycle()
    world.cycle()
    assert world.cloud.held() == 0
    world.now_ms += 2_000
    world.cycle()
    assert world.cloud.held() == 3


def test_a_leak_is_deleted_when_two_listings_agree(world) -> None:
    warm(world)
    world.cloud.create(InstanceSpec(POOL, "nobody's"))
    world.cycle()
    assert world.cloud.held() == 4
    world.cycle()
    world.now_ms += 10_000
    assert world.cloud.held() == 3


def test_an_extra_instance_of_a_known_intent_is_a_leak(world) -> None:
    warm(world)
    intent_id = next(iter(world.pool.ledger.instances))
    world.cloud.create(InstanceSpec(POOL, intent_id))
    for _ in range(2):
        world.cycle()
    world.now_ms += 10_000
    assert world.cloud.held() == 3
    world.check()


def test_a_phantom_is_never_believed(world) -> None:
    warm(world)
    now = world.now_ms
    listing = [*world.cloud.list_pool(POOL), Observed("x", "x", CloudStatus.ACTIVE, now, now)]
    world.pool.listing(listing, now)
    world.pool.listing(world.cloud.list_pool(POOL), now)
    world.pool.listing(listing, now)
    assert not world.pool.outbox.calls


def test_observe_only_launches_for_requests_alone(world) -> None:
    world.plan = dataclasses.replace(world.plan, observe_only=True)
    world.restart()
    world.cycle()
    assert world.cloud.held() == 0
    world.ask("REQUEST", "r")
    world.cycle()
    assert world.cloud.held() == 1
