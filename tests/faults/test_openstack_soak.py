"""The reconcilers over HTTP: openstacksdk, a stub Nova that fails, and kills at every point."""

import random
from collections import Counter

import pytest

from allocator.cloud.openstack import OpenStackCloud, connect
from allocator.cloud.protocol import InstanceSpec
from schemas.pools import Pool
from tests.testkit.allocator_world import CRASHES, POOL, World
from tests.testkit.openstack_cloud import PATIENCE_S, write_clouds_yaml
from tests.testkit.stub_openstack import StubOpenStack
from tests.testkit.stub_openstack.faults import ANY_CALL, QUOTA
from tests.testkit.under_fire import SEED, write_report

pytestmark = pytest.mark.faults

OPERATIONS, KILLS = 900, 15
EACH = {str(getattr(fault, "status", fault)) for fault in (*ANY_CALL, QUOTA)}


class HttpWorld(World):
    """A pool whose cloud is the stub, in the world's own time."""

    def __init__(self, stub: StubOpenStack, seed: int, cap: int) -> None:
        self.stub = stub
        super().__init__(seed, cap, fault_rate=0.0)
        pool = Pool(POOL, flavor="small", image="base", network="lab", cap=cap, max_instances=cap)
        clock = lambda: self.now_ms / 1000  # noqa: E731
        # The operator's part: a connection from clouds.yaml.
        self.cloud = OpenStackCloud(
            connect("stub", timeout_s=PATIENCE_S), "me", {POOL: pool}, clock, clock
        )

    def _send(self, call):
        if call.verb == "CREATE":
            spec = InstanceSpec(POOL, call.intent_id, "small", "base", "", "lab")
            return self.cloud.create(spec)
        if call.verb == "REBUILD":
            self.cloud.rebuild(call.instance_id, "base")
            return call.instance_id
        return super()._send(call)

    def held(self) -> int:
        """Return what the stub has in truth."""
        return len(self.stub.compute.servers)


def test_no_orphan_no_cap_broken_over_http(tmp_path, monkeypatch) -> None:
    now = {"s": 1_700_000_000.0}
    with StubOpenStack(lambda: now["s"], build_s=60.0, rebuild_s=20.0) as stub:
        monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(write_clouds_yaml(tmp_path, stub.url)))
        world = HttpWorld(stub, SEED, cap=8)
        chance = random.Random(SEED)
        names: list[str] = []
        stub.faults.chance = random.Random(SEED + 1)
        stub.faults.script("POST", "/servers", *ANY_CALL, QUOTA)
        stub.faults.rate = 0.15
        outages = 0
        while world.operations < OPERATIONS or world.kills.total() < KILLS:
            was_out = stub.faults.is_out
            turn(world, chance, names)
            outages += stub.faults.is_out and not was_out
            if was_out and not stub.faults.is_out:
                world.fault_ended()
            now["s"] = world.now_ms / 1000
        stub.faults.rate = 0.0
        if stub.faults.is_out:
            stub.faults.is_out = False
            world.fault_ended()
        stub.compute.thaw_listing()
        for _ in range(6):
            world.now_ms += 400_000
            now["s"] = world.now_ms / 1000
            world.cycle()
        world.check_settled()
        injected = {str(fault): count for fault, count in stub.faults.injected.items()}
        write_report(
            "openstack-soak", seed=SEED, strikes=world.kills.total(), kills=dict(world.kills),
            faults=injected, operations=world.operations, outages=outages,
            recovered_s=world.recovered_s,
        )  # fmt: skip
        assert len(world.recovered_s) == world.kills.total() + outages
        assert set(stub.faults.injected) >= EACH, "a fault that was never injected"
        assert outages >= 2, "nor was the whole API away for a while"
        assert set(CRASHES) <= set(world.kills)
        kinds = Counter(event.kind for event in world.events.values())
        assert kinds["ASSIGNED"] >= 20, kinds


def turn(world: HttpWorld, chance: random.Random, names: list[str]) -> None:
    """One cycle with requests, outages, stale listings and kills by chance."""
    faults, nova = world.stub.faults, world.stub.compute
    faults.is_out = chance.random() < (0.6 if faults.is_out else 0.01)
    if chance.random() < 0.2:
        nova.freeze_listing()
    elif chance.random() < 0.7:
        nova.thaw_listing()
    if chance.random() < 0.5:
        names.append(f"r-{len(world.events)}-{chance.randrange(10**6)}")
        world.ask("REQUEST", names[-1])
    elif names:
        world.ask("RELEASE", names.pop(0))
    if chance.random() < 0.05:
        world.target = chance.randrange(6)
    crash = chance.choice(CRASHES) if chance.random() < 0.08 else None
    world.cycle(crash, lists=chance.random() < 0.8)
    world.now_ms += chance.choice((2_000, 15_000, 60_000))
