"""A seeded soak of the allocator: faults of every kind and kills at every point of its cycle."""

import random
from collections import Counter

import pytest

from allocator.cloud.faults import CREATE_FAULTS, Fault
from allocator.machine.observed import Verb
from allocator.reconcile.calls import ANY
from tests.testkit.allocator_world import CRASHES, START_MS, World
from tests.testkit.pipeline import environment_number
from tests.testkit.under_fire import SEED, write_report

pytestmark = pytest.mark.faults

OPERATIONS = environment_number("WARMFRONT_ALLOCATOR_OPERATIONS", 3_000)
KILLS = environment_number("WARMFRONT_ALLOCATOR_KILLS", 50)


class Soak:
    """Drives a world by chance."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.chance = random.Random(seed)
        self.names: list[str] = []
        self.count = 0
        self.outages = 0
        self.hosts_lost = 0

    def turn(self) -> None:
        world, chance = self.world, self.chance
        for _ in range(chance.randrange(3)):
            self._ask()
        if chance.random() < 0.02:
            world.target = chance.randrange(14)
        # Outages are rare and short, else they would crowd out the other faults.
        was_out = world.cloud.faults.is_out
        world.cloud.faults.is_out = chance.random() < (0.7 if was_out else 0.005)
        self.outages += world.cloud.faults.is_out and not was_out
        if was_out and not world.cloud.faults.is_out:
            world.fault_ended()
        self._maybe_break()
        self._maybe_lose_a_host()
        if chance.random() < 0.01:
            world.leak()
        world.most = chance.choice((1, 2, ANY))
        world.cycle(self._crash(), lists=chance.random() < 0.8)
        world.now_ms += chance.choice((500, 2_000, 15_000, 60_000))

    def _crash(self) -> str | None:
        # Twice as many as asked for at this rate: the count is checked, not hoped for.
        share = 2.0 * KILLS / (OPERATIONS / 3)
        return self.chance.choice(CRASHES) if self.chance.random() < share else None

    def _ask(self) -> None:
        kind = self.chance.choices(
            ("REQUEST", "again", "RELEASE", "CANCEL", "EXTEND"), (40, 10, 40, 5, 5)
        )[0]
        if kind == "REQUEST" or not self.names:
            self.count += 1
            self.names.append(f"r-{self.count}")
            self.world.ask("REQUEST", self.names[-1])
        elif kind == "again":
            self.world.ask("REQUEST", self.chance.choice(self.names))
        elif kind == "EXTEND":
            self.world.ask(kind, self.chance.choice(self.names))
        else:
            self.world.ask(kind, self.names.pop(self.chance.randrange(len(self.names))))
        del self.names[:-30]

    def _maybe_break(self) -> None:
        if self.chance.random() < 0.01 and self.world.holder:
            self.world.cloud.break_instance(self.chance.choice(sorted(self.world.holder)))

    def _maybe_lose_a_host(self) -> None:
        """Hosts die and come back; one always answers, the others may be dead at a settling too."""
        cloud, others = self.world.cloud, self.world.cloud.hosts[1:]
        if self.chance.random() < 0.01:
            for host in self.chance.sample(others, self.chance.randint(1, len(others))):
                cloud.kill_host(host)
                self.hosts_lost += 1
        elif self.chance.random() < 0.02:
            cloud.start_host(self.chance.choice(others))


def test_no_orphan_no_cap_broken_no_request_answered_twice() -> None:
    world = World(SEED, cap=10)
    # Creations are rarer than other calls: each of their faults comes at least once.
    world.cloud.faults.script(Verb.CREATE, *CREATE_FAULTS)
    soak = Soak(world, SEED)
    settles = 0
    while world.operations < OPERATIONS or world.kills.total() < KILLS:
        soak.turn()
        if world.operations > (settles + 1) * OPERATIONS / 5:
            settles += 1
            world.settle()
            world.check_settled()
            world.cloud.faults.rate = 0.2
    world.settle()
    world.check_settled()
    given_up = [e for e in world.events.values() if e.reason == "its host does not answer"]
    write_report(
        "allocator-soak", **report_of(world), outages=soak.outages, hosts_lost=soak.hosts_lost,
        given_up=len(given_up),
    )  # fmt: skip
    assert given_up, "no host died under an instance that waited"
    assert len(world.recovered_s) == world.kills.total() + soak.outages
    assert set(CRASHES) <= set(world.kills)
    assert set(world.cloud.faults.injected) == set(Fault), "a fault that was never injected"
    assert world.kills.total() >= KILLS
    assert sum(1 for found in world.answers.values() if found) > OPERATIONS / 50


def report_of(world: World) -> dict[str, object]:
    return {
        "seed": SEED,
        "strikes": world.kills.total(),
        "recovered_s": world.recovered_s,
        "operations": world.operations,
        "kills": dict(world.kills),
        "faults": {str(k): v for k, v in world.cloud.faults.injected.items()},
        "answers": len(world.answers),
        "days": (world.now_ms - START_MS) / 86_400_000,
        "kinds": dict(Counter(e.kind for e in world.events.values())),
    }
