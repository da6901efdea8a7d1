"""Any sequence of requests, faults and kills keeps the allocator's promises."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from allocator.cloud.faults import CALL_FAULTS, CREATE_FAULTS, LIST_FAULTS
from allocator.machine.observed import Verb
from allocator.reconcile.calls import ANY
from tests.testkit.allocator_world import CRASHES, World

NAMES = st.sampled_from([f"r-{n}" for n in range(12)])


class AllocatorMachine(RuleBasedStateMachine):
    """A pool of at most four, so that the cap is met often."""

    @initialize(seed=st.integers(0, 2**16), quota=st.sampled_from((2, 100)))
    def start(self, seed: int, quota: int) -> None:
        self.world = World(seed, cap=4, fault_rate=0.0, quota=quota)

    @rule(name=NAMES, kind=st.sampled_from(("REQUEST", "REQUEST", "RELEASE", "CANCEL", "EXTEND")))
    def ask(self, name: str, kind: str) -> None:
        self.world.ask(kind, name)

    @rule(target_size=st.integers(0, 5))
    def want(self, target_size: int) -> None:
        self.world.target = target_size

    @rule(seconds=st.sampled_from((1, 5, 40, 120, 400, 1_000)))
    def pass_time(self, seconds: int) -> None:
        self.world.now_ms += seconds * 1000

    @rule(most=st.sampled_from((1, 2, ANY)))
    def fit_in_a_transaction(self, most: int) -> None:
        self.world.most = most

    @rule(lists=st.booleans())
    def cycle(self, lists: bool) -> None:
        self.world.cycle(lists=lists)

    @rule(crash=st.sampled_from(CRASHES))
    def die(self, crash: str) -> None:
        self.world.cycle(crash)

    @rule(fault=st.sampled_from(CREATE_FAULTS))
    def fail_creation(self, fault) -> None:
        self.world.cloud.faults.script(Verb.CREATE, fault)

    @rule(verb=st.sampled_from((Verb.DELETE, Verb.REBUILD)), fault=st.sampled_from(CALL_FAULTS))
    def fail_call(self, verb, fault) -> None:
        self.world.cloud.faults.script(verb, fault)

    @rule(fault=st.sampled_from(LIST_FAULTS))
    def fail_listing(self, fault) -> None:
        self.world.cloud.faults.script(None, fault)

    @rule(is_out=st.booleans())
    def outage(self, is_out: bool) -> None:
        self.world.cloud.faults.is_out = is_out

    @rule(number=st.integers(0, 2))
    def lose_a_host(self, number: int) -> None:
        self.world.cloud.kill_host(f"host-{number}")

    @rule(number=st.integers(0, 2))
    def start_a_host(self, number: int) -> None:
        self.world.cloud.start_host(f"host-{number}")

    @rule()
    def break_an_instance(self) -> None:
        for instance_id in sorted(self.world.holder)[:1]:
            self.world.cloud.break_instance(instance_id)

    @rule()
    def leak(self) -> None:
        self.world.leak()

    @invariant()
    def promises(self) -> None:
        if hasattr(self, "world"):
            self.world.check()

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        world = self.world
        # What was scripted and never drawn would disturb the quiet.
        world.cloud.faults.forget_scripts()
        # Two hosts may stay dead: the reserve is whole on the third.
        world.cloud.start_host("host-0")
        world.settle()
        if world.cloud.simulation.quota >= 4:
            world.check_settled()


TestAllocator = AllocatorMachine.TestCase
TestAllocator.settings = settings(
    max_examples=60, stateful_step_count=40,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
