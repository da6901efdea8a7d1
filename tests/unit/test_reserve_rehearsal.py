"""After its rehearsal, an allocator at work compiles nothing while somebody waits."""

import random
import sys
from collections.abc import Iterator

from numba.core.dispatcher import Dispatcher

from allocator.policy.knobs import ReserveKnobs
from allocator.policy.position import Position
from allocator.policy.rehearsal import rehearse
from allocator.policy.reserve import ReservePolicy


def compiled() -> dict[str, int]:
    return {kernel.py_func.__qualname__: len(kernel.signatures) for kernel in kernels()}


def kernels() -> Iterator[Dispatcher]:
    for name, module in list(sys.modules.items()):
        if name.startswith("allocator.policy."):
            yield from (x for x in vars(module).values() if isinstance(x, Dispatcher))


def work(policy: ReservePolicy, chance: random.Random, from_minute: int) -> None:
    for minute in range(from_minute, from_minute + 300):
        policy.tick(minute * 60.0)
        policy.observed_lead(chance.uniform(30, 120))
        policy.observed_forecast(minute * 60.0, 2.0, 5.0)
        policy.observed_intents(minute * 60.0, [chance.random() for _ in range(minute % 4)])
        for second in range(chance.randrange(4)):
            at_s = minute * 60.0 + second
            policy.requested(at_s, f"u{second}", "edit", hit=chance.random() < 0.5)
            policy.target(at_s, Position(ready=2, building=1, terminable=1, most=9))
        policy.need(7)


def test_a_pool_at_work_compiles_nothing_after_the_rehearsal() -> None:
    rehearse()
    before = compiled()
    assert any(before.values()), "no kernels: this looks at nothing"
    knobs, chance = ReserveKnobs(target_hit_rate=0.99, max_size=20), random.Random(3)
    policy = ReservePolicy(knobs)
    work(policy, chance, 0)
    work(ReservePolicy.from_bytes(policy.to_bytes(), knobs), chance, 300)
    work(ReservePolicy(ReserveKnobs(miss_cost=1.0, idle_cost_per_hour=0.1)), chance, 0)
    assert compiled() == before
