"""The allocator's world with people whose next programs are foretold, and what must hold then."""

from allocator.machine.ledger import PoolLedger
from allocator.machine.lifecycle import SHADOWED
from allocator.machine.observed import Answer, Call, Result, Verb
from allocator.reconcile.pool import PoolReconciler
from allocator.runner.simulated import SimulatedRunner
from allocator.stepper import Stepper, commands_of
from schemas.records import AllocationRequest, Candidate, ProgramPrediction, ShadowEvent
from schemas.shadow import ShadowPlan, ShadowTerms, Step
from tests.testkit.allocator_world import POOL, FixedPolicy, NoFloor, World

PLAN = ShadowPlan(
    step=(
        Step(id="mail/mount", programs=("mail*",), argv=("mount", "/mail"), saves_s=20.0),
        Step(id="mail/licence", programs=("mail",), argv=("checkout", "mail"), effect="external",
             undo=("checkin", "mail"), saves_s=10.0),
    ),
    terms=ShadowTerms(minutes_per_hour=600.0, at_once=3, leave_ready=0, price_s=0.5,
                      loss_limit_s=1e9),
)  # fmt: skip


class ShadowWorld(World):
    """Adds predictions, people, steps on instances, and a memory of who an instance was made for.

    Parameters
    ----------
    step_failures
        Share of steps that fail.
    """

    def __init__(
        self, seed: int, step_failures: float = 0.0, plan: ShadowPlan = PLAN, **kw
    ) -> None:
        self.shadow_plan = plan
        self.runner = SimulatedRunner(seed, failure_rate=step_failures)
        self.commands = commands_of(plan)
        self.prepared_for: dict[str, str] = {}
        self.shadows: dict[str, ShadowEvent] = {}
        super().__init__(seed, **kw)

    def restart(self) -> None:
        ledger = PoolLedger.restore(POOL, self.plan.pool.cap, self.now_ms, self.committed)
        self.pool = PoolReconciler(
            self.plan, ledger, FixedPolicy(self), NoFloor([]), shadow=self.shadow_plan
        )

    def ask_as(self, user: str, request_id: str, kind: str = "REQUEST") -> None:
        self.inputs.append(
            AllocationRequest(
                request_id=request_id, kind=kind, user=user, program="mail", time=self.now_ms
            )
        )

    def foretell(self, user: str, program: str = "mail", p: float = 0.9) -> None:
        self.pool.prediction(prediction(user, self.now_ms, program, p), self.now_ms)

    def events_of(self, kind: str) -> list[ShadowEvent]:
        return [event for event in self.shadows.values() if event.kind == kind]

    def _make(self, call: Call) -> Result:
        if call.verb in {Verb.PREPARE, Verb.UNDO}:
            if call.until_ms is not None and self.now_ms > call.until_ms:
                return Result(call, Answer.REFUSED, error="too late to begin")
            user = self._person_of(call)
            if call.verb is Verb.PREPARE and user:
                self.prepared_for[call.instance_id] = user
            return Stepper(self.runner, self.commands).make(call)
        result = super()._make(call)
        if call.verb is Verb.REBUILD and result.answer is not Answer.REFUSED:
            self.prepared_for.pop(call.instance_id, None)
        return result

    def _person_of(self, call: Call) -> str:
        started = (e for e in self.shadows.values() if e.kind == "STARTED")
        mine = [e for e in started if e.event_id.startswith(f"{call.intent_id}/{call.at_ms}/")]
        return mine[0].user if mine else ""

    def _commit(self) -> list[Call]:
        for event in self.pool.outbox.shadows:
            known = self.shadows.setdefault(event.event_id, event)
            assert known == event, "one id for two things"
        return super()._commit()

    def check(self) -> None:
        super().check()
        ledger = self.pool.ledger
        for lease in ledger.leases.values():
            if lease.state == "assigned":
                person = self.prepared_for.get(lease.instance_id)
                assert person in {None, lease.user}, f"{lease.user} has what {person} was given"
        for instance in ledger.in_phase(*SHADOWED):
            assert instance.shadow is not None
        assert ledger.count(*SHADOWED) <= self.shadow_plan.terms.at_once


def prediction(user: str, made_ms: int, program: str = "mail", p: float = 0.9) -> ProgramPrediction:
    candidate = Candidate(
        program=program, p_next=p, p_1m=0.0, p_5m=p, p_15m=p, p_60m=p, expected_s=90.0
    )
    return ProgramPrediction(
        prediction_id=f"{user}-{made_ms}", user=user, after_program="editor", made_at=made_ms,
        candidates=[candidate], model="test", pool=POOL,
    )  # fmt: skip
