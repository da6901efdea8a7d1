"""Maintenance that takes capacity away: the reserve never counts on machines that are not there."""

import pytest

from allocator.machine.ledger import PoolLedger
from allocator.machine.lifecycle import Phase
from allocator.policy.capacity import CapacityCalendar
from allocator.policy.knobs import ReserveKnobs
from allocator.policy.reserve import ReservePolicy
from allocator.reconcile.plan import PoolPlan
from allocator.reconcile.pool import PoolReconciler
from schemas.pools import Pool
from schemas.records import AllocationRequest, CalendarEvent

HOUR_MS = 3_600_000
START_MS, END_MS = 100 * HOUR_MS, 102 * HOUR_MS
LEAD_MS = 90_000  # of a launch, as planned for before one was measured
CAP, WANTED = 20, 12


def event(left: float = 0.25, **fields) -> CalendarEvent:
    stated = {"event_id": "rack", "kind": "MAINTENANCE", "title": "rack", "capacity_left": left}
    return CalendarEvent(**{"start": START_MS, "end": END_MS} | stated | fields)


def pool_knowing(*events: CalendarEvent) -> PoolReconciler:
    """A pool that wants twelve instances at any time."""
    calendar = CapacityCalendar()
    for number, one in enumerate(events):
        calendar.tell(f"event {number}".encode(), one)
    pool = Pool("office", min_instances=WANTED, max_instances=CAP, cap=CAP)
    plan = PoolPlan(pool)
    policy = ReservePolicy(ReserveKnobs(cap=CAP))
    return PoolReconciler(plan, PoolLedger("office", CAP, 1), policy, calendar=calendar)


def target(pool: PoolReconciler, now_ms: int) -> int:
    pool.sizer.minute(now_ms // 60_000 * 60.0)
    return pool.sizer.decide(now_ms).target


def add(pool: PoolReconciler, count: int, now_ms: int, *further: Phase) -> None:
    for _ in range(count):
        instance = pool.ledger.plan(now_ms, "x")
        for phase in (Phase.BUILDING, Phase.READY, *further):
            pool.ledger.move(instance, phase, now_ms)
        instance.ready_ms = now_ms


def launches(pool: PoolReconciler) -> int:
    _, outbox = pool.take()
    return sum(call.verb.name == "CREATE" for call in outbox.calls)


def test_the_reserve_is_never_above_what_a_window_leaves() -> None:
    pool = pool_knowing(event(0.25))
    assert target(pool, START_MS - HOUR_MS) == WANTED
    for moment_ms in (START_MS, START_MS + HOUR_MS, END_MS - LEAD_MS - 1):
        assert target(pool, moment_ms) == CAP // 4
    assert target(pool, END_MS) == WANTED


def test_it_says_which_maintenance_binds_and_until_when() -> None:
    pool = pool_knowing(event(0.25))
    target(pool, START_MS)
    reason = pool.sizer.decide(START_MS).reason
    assert reason.endswith("bound by maintenance 'rack' until Mon 06:00 UTC")


def test_leases_come_first_in_what_is_left() -> None:
    pool = pool_knowing(event(0.5))
    add(pool, 7, START_MS - HOUR_MS, Phase.ASSIGNED)
    assert target(pool, START_MS) == 3
    add(pool, 5, START_MS - HOUR_MS, Phase.ASSIGNED)
    assert target(pool, START_MS) == 0, "nobody's lease is ended for it, nothing is held besides"


def test_nothing_is_launched_that_would_be_ready_within_the_window() -> None:
    pool = pool_knowing(event(0.25))
    add(pool, 8, START_MS - HOUR_MS)
    assert target(pool, START_MS - LEAD_MS) == 8, "what is held stays until the window begins"
    pool.step(START_MS - LEAD_MS)
    assert launches(pool) == 0
    pool.step(START_MS)
    assert pool.ledger.count(Phase.READY) == CAP // 4, "the surplus is ended when it begins"


def test_what_is_wanted_after_a_window_is_launched_one_launch_time_before_its_end() -> None:
    pool = pool_knowing(event(0.25))
    add(pool, CAP // 4, START_MS)
    pool.step(END_MS - LEAD_MS - 60_000)
    assert launches(pool) == 0
    pool.step(END_MS - LEAD_MS)
    assert launches(pool) == WANTED - CAP // 4


def test_requests_beyond_what_is_left_wait_instead_of_being_launched() -> None:
    pool = pool_knowing(event(0.1))
    now_ms = START_MS + HOUR_MS
    pool.sizer.minute(now_ms / 1000)
    for number in range(6):
        request = AllocationRequest(
            request_id=f"r{number}", kind="REQUEST", user="ann", program="mail", time=now_ms
        )
        pool.request(request, now_ms)
    pool.step(now_ms)
    assert pool.ledger.waiting == 6
    assert launches(pool) == CAP // 10


def test_a_pool_without_capacity_launches_nothing() -> None:
    pool = pool_knowing(event(0.0))
    assert target(pool, START_MS) == 0
    pool.step(START_MS)
    assert launches(pool) == 0


def test_windows_that_overlap_take_away_one_beside_the_other() -> None:
    half = event(0.5)
    assert target(pool_knowing(half, event(0.75, pool="office")), START_MS) == CAP // 4
    assert target(pool_knowing(half, event(0.4)), START_MS) == 0


def test_a_window_announced_amid_a_minute_binds_at_once_and_until_it_is_withdrawn() -> None:
    calendar, plan = CapacityCalendar(), PoolPlan(Pool("office", min_instances=WANTED, cap=CAP))
    ledger, policy = PoolLedger("office", CAP, 1), ReservePolicy(ReserveKnobs(cap=CAP))
    pool = PoolReconciler(plan, ledger, policy, calendar=calendar)
    assert target(pool, START_MS + HOUR_MS) == WANTED
    calendar.tell(b"rack", event(0.25))
    assert pool.sizer.decide(START_MS + HOUR_MS + 1000).target == CAP // 4
    calendar.tell(b"rack", None)
    assert pool.sizer.decide(START_MS + HOUR_MS + 2000).target == WANTED


@pytest.mark.parametrize(
    "other",
    [
        event(pool="build"), event(cancelled=True), event(known_from=START_MS + HOUR_MS),
        event(1.0), event(end=START_MS),
        CalendarEvent(event_id="p", kind="OTHER", title="party", start=START_MS, end=END_MS),
    ],
)  # fmt: skip
def test_what_takes_no_capacity_from_this_pool_now_changes_nothing(other: CalendarEvent) -> None:
    assert target(pool_knowing(other), START_MS) == WANTED


def test_a_later_record_replaces_an_earlier_one() -> None:
    calendar = CapacityCalendar()
    calendar.tell(b"rack", event(0.25))
    calendar.tell(b"rack", event(0.5))
    assert [w.left for w in calendar.near("office", START_MS, START_MS)] == [0.5]
    calendar.tell(b"rack", event(cancelled=True))
    assert calendar.near("office", START_MS, START_MS) == []
    calendar.tell(b"rack", None)
    calendar.tell(b"rack", event(0.25))
    calendar.tell(b"rack", None)
    assert calendar.near("office", START_MS, START_MS) == []
