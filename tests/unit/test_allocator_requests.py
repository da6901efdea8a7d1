"""Who is served, from which tier, and how a program starts: told by small pools."""

import pytest

from allocator.cloud.faults import Fault
from allocator.machine.instance import Start
from allocator.machine.leases import LeaseDesk, LeaseTerms
from allocator.machine.ledger import PoolLedger
from allocator.machine.lifecycle import Phase
from allocator.machine.observed import CloudStatus, Verb
from allocator.machine.outbox import Outbox
from allocator.machine.starts import StartEnd
from schemas.records import AllocationRequest
from tests.testkit.allocator_world import World

ALL_TIERS = ("active", "paused", "suspended", "shelved")
LEAD_MS = 200_000


def settled_world(**options) -> World:
    world = World(1, cap=8, fault_rate=0.0, **options)
    world.cycle()
    for _ in range(3):
        world.now_ms += LEAD_MS
        world.cycle()
    return world


def ask(desk: LeaseDesk, request_id: str, now_ms: int, user: str = "ann", **fields) -> None:
    request = AllocationRequest(
        request_id=request_id, kind="REQUEST", user=user, program="mail", time=now_ms, **fields
    )
    desk.apply(request, now_ms, Outbox())


def test_who_minds_waiting_most_is_served_first_unless_the_request_says_otherwise() -> None:
    desk = LeaseDesk(
        PoolLedger("office", cap=0, epoch=1), LeaseTerms(max_wait_ms=800_000),
        {"hurried": 4.0, "patient": 0.2},
    )  # fmt: skip
    for user in ("patient", "normal", "hurried"):
        ask(desk, user, 0, user)
    ask(desk, "told", 0, "patient", priority=9)
    leases = sorted(desk.ledger.leases.values(), key=lambda lease: lease.order)
    assert [lease.request_id for lease in leases] == ["told", "hurried", "normal", "patient"]
    assert desk.ledger.leases["hurried"].deadline_ms == 200_000
    assert desk.ledger.leases["patient"].deadline_ms == 800_000


def test_a_program_starts_after_its_assignment_and_that_is_told_once() -> None:
    world = settled_world()
    world.chance.random = lambda: 0.0
    world.ask("REQUEST", "r")
    world.cycle()
    world.ask("REQUEST", "r")
    world.cycle()
    kinds = [e.kind for e in world.events.values() if e.request_id == "r"]
    assert kinds == ["ASSIGNED", "STARTED"]
    assert world.events["r/STARTED"].wait_ms == 700
    assert [call.program for call in world.started] == ["mail"]


def test_a_start_that_fails_is_told_with_its_reason() -> None:
    world = settled_world()
    world.chance.random = lambda: 0.99
    world.ask("REQUEST", "r")
    world.cycle()
    world.cycle()
    assert world.events["r/START_FAILED"].reason == "the test says so"
    assert world.pool.ledger.leases["r"].start is Start.FAILED


def test_a_start_whose_answer_a_kill_lost_is_made_again() -> None:
    world = settled_world()
    world.ask("REQUEST", "r")
    world.cycle("before answers")
    world.cycle()
    world.cycle()
    assert [call.request_id for call in world.started] == ["r", "r"]
    assert world.pool.ledger.leases["r"].start in {Start.STARTED, Start.FAILED}


def test_a_start_that_ends_after_the_release_changes_nothing() -> None:
    world = settled_world()
    world.ask("REQUEST", "r")
    world.cycle()
    world.ask("REQUEST", "r2")
    call = world.started[-1]
    world.ask("RELEASE", "r")
    world.cycle()
    world.pool.started(StartEnd(call, True, 5, ""), world.now_ms)
    assert world.pool.ledger.leases["r"].state == "released"


def test_each_lower_tier_serves_before_a_cold_launch_does_and_its_start_waits_for_it() -> None:
    world = settled_world(tiers=ALL_TIERS)
    world.target = 0
    shelved = world.pool.ledger.in_phase(Phase.READY, Phase.PAUSED)[0]
    world.pool.ledger.move(shelved, Phase.SHELVED, world.now_ms)
    world.cloud.shelve(shelved.instance_id)
    for other in world.pool.ledger.in_phase(Phase.READY, Phase.PAUSED):
        world.pool.ledger.move(other, Phase.DELETING, world.now_ms)
    world.ask("REQUEST", "r")
    world.cycle()
    lease = world.pool.ledger.leases["r"]
    assert (lease.tier, lease.instance_id) == ("shelved", shelved.instance_id)
    assert (shelved.asleep, world.started) == (True, [])
    world.now_ms += 25_000
    world.cycle()
    assert [call.request_id for call in world.started] == ["r"]
    assert world.pool.ledger.totals.activation_ms["shelved"] == [25_000]
    assert world.pool.ledger.totals.misses == 1


def test_what_rests_is_woken_before_anything_is_launched() -> None:
    world = settled_world(tiers=ALL_TIERS)
    held = world.pool.ledger.in_phase(Phase.READY)[0]
    world.pool.ledger.move(held, Phase.SUSPENDED, world.now_ms)
    world.cloud.suspend(held.instance_id)
    world.cycle()
    assert held.phase is Phase.WAKING
    assert world.pool.ledger.count(Phase.BUILDING, Phase.PLANNED) == 0
    world.now_ms += 3_000
    world.cycle()
    assert held.phase is Phase.READY
    assert world.pool.ledger.totals.activation_ms["suspended"] == [3_000]


def test_a_wake_up_that_was_lost_is_repeated() -> None:
    world = settled_world(tiers=ALL_TIERS)
    held = world.pool.ledger.in_phase(Phase.READY)[0]
    world.pool.ledger.move(held, Phase.SUSPENDED, world.now_ms)
    world.cloud.suspend(held.instance_id)
    world.cloud.faults.script(Verb.RESUME, Fault.TIMEOUT_BEFORE)
    for _ in range(3):
        world.cycle()
        world.now_ms += 15_000
    assert world.cloud.get(held.instance_id).status is CloudStatus.ACTIVE


def test_a_surplus_rests_where_the_mix_wants_it_and_is_ended_where_not() -> None:
    world = settled_world(tiers=ALL_TIERS)
    world.target = 1
    for _ in range(6):
        world.now_ms += 100_000
        world.cycle()
    ledger = world.pool.ledger
    assert ledger.count(Phase.READY, Phase.PAUSED) == 1
    assert ledger.count(Phase.SUSPENDED, Phase.SHELVED) >= 1


def test_a_wider_bandwidth_is_asked_for_on_assignment() -> None:
    world = settled_world()
    desk = LeaseDesk(world.pool.ledger, LeaseTerms(widens=True))
    outbox = Outbox()
    request = AllocationRequest(
        request_id="w", kind="REQUEST", user="ann", program="mail", time=world.now_ms
    )
    desk.apply(request, world.now_ms, outbox)
    assert [call.verb for call in outbox.calls] == [Verb.WIDEN]


@pytest.mark.parametrize("kind", ["CANCEL", "RELEASE"])
def test_who_still_waits_can_leave(kind) -> None:
    world = World(1, cap=8, fault_rate=0.0)
    world.ask("REQUEST", "r")
    world.cycle()
    world.ask(kind, "r")
    world.cycle()
    assert world.pool.ledger.leases["r"].state == "cancelled"
    assert world.pool.ledger.waiting == 0
