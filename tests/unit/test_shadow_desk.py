"""Shadow runs of a pool: started where they pay, kept for one person, undone by a rebuild."""

import math
from itertools import pairwise

import msgspec
import pytest

from allocator.machine.lifecycle import WARM, Phase
from allocator.policy.shadow_control import HOUR_MS, ShadowControl
from allocator.runner.simulated import SimulatedRunner
from schemas.shadow import ShadowPlan, ShadowTerms
from tests.testkit.shadow_world import PLAN, ShadowWorld

MINUTE_MS = 60_000


@pytest.fixture
def world() -> ShadowWorld:
    return warm(ShadowWorld(1, fault_rate=0.0))


def warm(world: ShadowWorld) -> ShadowWorld:
    """Let the reserve be built."""
    world.cycle()
    world.now_ms += 5 * MINUTE_MS
    world.cycle()
    assert world.pool.ledger.count(Phase.READY) >= 2
    return world


def prepare(world: ShadowWorld, user: str = "ann") -> None:
    world.foretell(user)
    world.cycle()
    assert world.pool.ledger.count(Phase.PREPARED) == 1


def kinds(world: ShadowWorld) -> list[str]:
    return [event.kind for event in world.shadows.values()]


def assigned(world: ShadowWorld, request_id: str):
    return world.events[f"{request_id}/ASSIGNED"]


def test_a_likely_program_is_prepared_and_its_person_goes_on_from_there(world) -> None:
    prepare(world)
    (instance,) = world.pool.ledger.in_phase(Phase.PREPARED)
    world.now_ms += MINUTE_MS
    world.ask_as("ann", "r-1")
    world.cycle()
    event = assigned(world, "r-1")
    assert event.instance_id == instance.instance_id
    assert event.prepared_steps == ["mail/mount", "mail/licence"]
    assert event.saved_s > 0
    assert "prepared ahead" in event.reason
    assert kinds(world) == ["STARTED", "PREPARED", "HIT"]
    (hit,) = world.events_of("HIT")
    assert hit.saved_s == event.saved_s


def test_somebody_else_gets_another_instance_even_if_it_is_the_last(world) -> None:
    prepare(world)
    (instance,) = world.pool.ledger.in_phase(Phase.PREPARED)
    for n in range(3):
        world.ask_as("bob", f"r-{n}")
    world.cycle(lists=False)
    given = {e.instance_id for e in world.events.values() if e.kind == "ASSIGNED"}
    assert instance.instance_id not in given
    assert world.pool.ledger.waiting >= 1


def test_what_nobody_takes_is_undone_and_rebuilt_before_anybody_has_it(world) -> None:
    prepare(world)
    (instance,) = world.pool.ledger.in_phase(Phase.PREPARED)
    world.now_ms += 20 * MINUTE_MS
    world.cycle()
    (miss,) = world.events_of("MISS")
    assert miss.wasted_s >= 300
    world.target = 6  # so that it is needed again, and not ended
    world.cycle()
    assert len(world.events_of("UNDONE")) == 1
    assert instance.phase in {Phase.RELEASED, Phase.RECYCLING}
    for _ in range(4):
        world.now_ms += MINUTE_MS
        world.cycle()
    assert instance.phase in WARM
    assert instance.shadow is None


def test_a_person_who_turns_to_something_else_frees_the_instance_at_once(world) -> None:
    prepare(world)
    world.now_ms += MINUTE_MS
    world.foretell("ann", "calc")
    world.cycle()
    assert [e.reason for e in world.events_of("MISS")] == ["no longer likely"]


def test_steps_that_fail_are_no_evidence_about_people() -> None:
    world = warm(ShadowWorld(1, step_failures=1.0, fault_rate=0.0))
    world.foretell("ann")
    world.cycle()
    world.cycle()
    assert kinds(world)[:2] == ["STARTED", "FAILED"]
    control = world.pool.shadows.control
    assert (control.trust, control.missed) == (1.0, 0)


def run_once(world: ShadowWorld, user: str, p: float = 0.9) -> bool:
    """Foretell, let nobody come, and rebuild; tell whether it was prepared."""
    world.pool.shadows.control = ShadowControl()  # its trust is another test's
    before = len(world.events_of("STARTED"))
    world.foretell(user, p=p)
    for _ in range(3):  # the first may have to wake one, and ten seconds are between two calls
        world.cycle()
        world.now_ms += 11_000
    prepared = len(world.events_of("STARTED")) > before
    for _ in range(4):
        world.now_ms += 10 * MINUTE_MS
        world.cycle()
    return prepared


def test_what_steps_are_measured_to_take_corrects_what_they_are_declared_to_save() -> None:
    steps = [msgspec.structs.replace(step, saves_s=40.0) for step in PLAN.step]
    world = warm(
        ShadowWorld(1, plan=msgspec.structs.replace(PLAN, step=tuple(steps)), fault_rate=0)
    )
    world.target = 6
    assert run_once(world, "bob", p=0.1), "80 s at 10 % are worth six minutes"
    for n in range(16):
        run_once(world, f"u{n}")
    assert not run_once(world, "cyd", p=0.1), "the 2 s that they take are not"
    world.restart()
    assert not run_once(world, "dan", p=0.1), "and that is remembered"
    assert run_once(world, "dan", p=1.0), "unless it is certain"


def test_what_only_trust_holds_back_is_tried_again_one_day(world) -> None:
    control = world.pool.shadows.control
    control.promised = 100.0
    world.foretell("ann", p=0.01)
    assert control.promised == 100.0, "it is not worth it anyway"
    tries = 0
    while not world.events_of("STARTED"):
        tries += 1
        world.foretell("ann", p=0.3)
        world.pool.step(world.now_ms)
        world.shadows.update({e.event_id: e for e in world.pool.outbox.shadows})
        assert tries < 20_000
    assert tries > 100
    assert control.promised < 100.0


def test_a_miss_costs_the_rebuild_as_measured() -> None:
    plan = msgspec.structs.replace(PLAN, rebuild_s=9_000.0)
    world = warm(ShadowWorld(1, plan=plan, fault_rate=0, cap=4))
    world.target = 4  # the cap, so that rebuilds are what fills it again
    for n in range(20):
        run_once(world, f"u{n}")
    first, *_, last = world.events_of("MISS")
    measured_s = [ms / 1000 for ms in world.pool.ledger.totals.rebuild_ms]
    assert first.wasted_s > 9_000.0
    assert len(measured_s) >= 16
    assert last.wasted_s < 9_000.0
    assert last.wasted_s > sorted(measured_s)[len(measured_s) // 2]


def test_a_pool_whose_people_never_come_stops_itself_and_tries_again_later() -> None:
    terms = msgspec.structs.replace(PLAN.terms, loss_limit_s=24.0, price_s=1.0)
    world = warm(ShadowWorld(1, plan=msgspec.structs.replace(PLAN, terms=terms), fault_rate=0.0))
    # Steps that take what they are declared to save: what is measured would end it otherwise.
    world.runner = SimulatedRunner(
        1, medians_s={"step/mail/mount": 20.0, "step/mail/licence": 10.0}
    )
    first_ms, started = world.now_ms, []
    for minute in range(5 * 60):
        known = len(world.events_of("STARTED"))
        world.foretell(f"u{minute}", p=0.95)
        world.cycle()
        world.now_ms += MINUTE_MS
        started += [minute] * (len(world.events_of("STARTED")) - known)
    control = world.pool.shadows.control
    assert control.taken == 0
    pauses = [later - earlier for earlier, later in pairwise(started) if later - earlier >= 30]
    assert pauses, "it stopped itself"
    assert pauses == sorted(pauses), "and each time for longer"
    lost_s = control.wasted_s / 60.0 * terms.price_s
    a_run_s = max(event.wasted_s for event in world.events_of("MISS")) / 60.0 * terms.price_s
    hours = (world.now_ms - first_ms) / HOUR_MS
    limit_s = terms.loss_limit_s + terms.at_once * a_run_s
    assert lost_s <= limit_s * (2 + math.log2(hours))


def test_an_unlikely_program_is_not_prepared(world) -> None:
    world.foretell("ann", p=0.01)
    world.cycle()
    assert kinds(world) == []


def test_an_old_prediction_is_no_news(world) -> None:
    world.foretell("ann")
    world.now_ms += 5 * MINUTE_MS
    world.cycle()
    assert kinds(world) == []


def test_the_reserve_keeps_what_it_is_to_keep() -> None:
    terms = msgspec.structs.replace(PLAN.terms, leave_ready=5)
    world = warm(ShadowWorld(1, plan=msgspec.structs.replace(PLAN, terms=terms), fault_rate=0.0))
    world.foretell("ann")
    world.cycle()
    assert kinds(world) == []


def test_a_reserve_that_is_all_paused_is_woken_for_it(world) -> None:
    for _ in range(2):
        world.now_ms += 10 * MINUTE_MS
        world.cycle()
    for instance in world.pool.ledger.in_phase(Phase.READY):
        world.cloud.pause(instance.instance_id)
        world.pool.ledger.move(instance, Phase.PAUSED, world.now_ms)
    world.foretell("ann")
    for _ in range(3):
        world.cycle()
        world.now_ms += 11_000
    assert kinds(world) == ["STARTED", "PREPARED"]


def test_after_a_restart_what_was_prepared_is_still_its_person_s(world) -> None:
    prepare(world)
    (before,) = world.pool.ledger.in_phase(Phase.PREPARED)
    world.restart()
    world.ask_as("ann", "r-1")
    world.cycle()
    assert assigned(world, "r-1").instance_id == before.instance_id


def test_what_was_being_prepared_when_it_was_killed_is_rebuilt_not_used(world) -> None:
    world.foretell("ann")
    world.cycle("before answers")
    assert world.pool.ledger.count(Phase.PREPARING) == 1
    world.cycle()
    assert world.pool.ledger.count(Phase.PREPARING) == 0
    (instance,) = world.pool.ledger.in_phase(Phase.RELEASED)
    assert instance.shadow.busy_until_ms > world.now_ms
    world.cycle()
    assert instance.phase is Phase.RELEASED, "a step of the killed process may still run"


def test_without_declared_steps_nothing_is_ever_prepared() -> None:
    world = warm(ShadowWorld(1, plan=ShadowPlan(terms=ShadowTerms()), fault_rate=0.0))
    world.foretell("ann")
    world.cycle()
    assert kinds(world) == []
