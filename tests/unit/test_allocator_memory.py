"""What an allocator keeps in memory, and commits, does not grow with the requests it served."""

import gc
import sys
from types import FunctionType, ModuleType

from allocator.cloud.protocol import CloudError, InstanceSpec
from allocator.cloud.simulated import SimulatedCloud, Simulation
from allocator.machine.ledger import PoolLedger
from allocator.machine.observed import Answer, Call, Result, Verb
from allocator.policy.knobs import ReserveKnobs
from allocator.policy.reserve import ReservePolicy
from allocator.reconcile.plan import PoolPlan
from allocator.reconcile.pool import PoolReconciler
from schemas.pools import Pool
from schemas.records import AllocationRequest
from tests.testkit.allocator_world import keep

START_MS = 1_700_006_400_000
STEP_MS = 1_200_000
DAY_STEPS = 72


class Replay:
    """A pool whose requests all come from new people with new programs, each released later."""

    def __init__(self) -> None:
        self.now_ms = START_MS
        self.asked = 0
        self.committed: dict[str, bytes] = {}
        plan = PoolPlan(Pool("office", max_instances=60, cap=200))
        policy = ReservePolicy(ReserveKnobs(target_hit_rate=0.9, cap=200))
        self.pool = PoolReconciler(plan, PoolLedger("office", 200, 1), policy)
        self.cloud = SimulatedCloud(lambda: self.now_ms, "me", Simulation(launch_spread=0.0))

    def days(self, count: int) -> None:
        for _ in range(count * DAY_STEPS):
            self.now_ms += STEP_MS
            for _ in range(5):
                self.send("RELEASE", self.asked - 10)
                self.send("REQUEST", self.asked)
                self.pool.predict(self.now_ms, f"other-{self.asked}", (0.1, 0.2, 0.3, 0.4))
                self.asked += 1
            self.pool.listing(self.cloud.list_pool("office"), self.now_ms)
            self.pool.step(self.now_ms)
            self.commit()

    def send(self, kind: str, number: int) -> None:
        if number >= 0:
            request = AllocationRequest(
                request_id=f"r{number}", kind=kind, user=f"u{number}", program=f"p{number}",
                time=self.now_ms,
            )  # fmt: skip
            self.pool.request(request, self.now_ms)

    def commit(self) -> None:
        changes, outbox = self.pool.take()
        keep(self.committed, changes)
        for call in outbox.calls:
            self.pool.answer(self.answered(call), self.now_ms)

    def answered(self, call: Call) -> Result:
        try:
            return Result(call, Answer.DONE, self.made(call))
        except CloudError as error:
            return Result(call, error.answer, error=str(error))

    def made(self, call: Call) -> str:
        if call.verb is Verb.CREATE:
            return self.cloud.create(InstanceSpec("office", call.intent_id))
        if call.verb is Verb.REBUILD:
            self.cloud.rebuild(call.instance_id, "")
        elif call.verb is Verb.DELETE:
            self.cloud.delete(call.instance_id)
        return call.instance_id


def held_bytes(root: object) -> int:
    """Bytes of all that an object leads to, code and classes left out."""
    seen: set[int] = set()
    waiting, total = [root], 0
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, type | ModuleType | FunctionType):
            continue
        seen.add(id(one))
        total += sys.getsizeof(one)
        waiting += gc.get_referents(one)
    return total


def test_a_long_replay_keeps_no_more_than_a_short_one() -> None:
    replay = Replay()
    replay.days(2)
    before, keys = held_bytes(replay.pool), len(replay.committed)
    replay.days(2)
    after = held_bytes(replay.pool)
    assert replay.asked == 4 * DAY_STEPS * 5
    # 720 more people, programs and instances; the policy's compressed state still fills up by 8 KB.
    assert after < before + 20_000
    assert len(replay.committed) < keys + 20
    assert len(replay.pool.ledger.leases) < 100
