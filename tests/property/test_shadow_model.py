"""Whatever happens, what was prepared for one person is rebuilt before another has it."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from allocator.cloud.faults import CALL_FAULTS
from allocator.machine.observed import Verb
from tests.testkit.allocator_world import CRASHES
from tests.testkit.shadow_world import ShadowWorld

PEOPLE = st.sampled_from(("ann", "bob", "cyd"))
PROGRAMS = st.sampled_from(("mail", "mail; rm -rf /", "calc"))


class ShadowMachine(RuleBasedStateMachine):
    """Three people and at most five instances: they meet often."""

    @initialize(seed=st.integers(0, 2**16), step_failures=st.sampled_from((0.0, 0.3)))
    def start(self, seed: int, step_failures: float) -> None:
        self.world = ShadowWorld(seed, step_failures, cap=5, fault_rate=0.0)
        self.asked = 0
        for _ in range(3):
            self.world.now_ms += 120_000
            self.world.cycle()

    @rule(user=PEOPLE, program=PROGRAMS, p=st.sampled_from((0.0, 0.5, 0.95)))
    def foretell(self, user: str, program: str, p: float) -> None:
        self.world.foretell(user, program, p)

    @rule(user=PEOPLE)
    def ask(self, user: str) -> None:
        self.asked += 1
        self.world.ask_as(user, f"r-{self.asked}")

    @rule(user=PEOPLE, number=st.integers(1, 12))
    def release(self, user: str, number: int) -> None:
        self.world.ask_as(user, f"r-{number}", "RELEASE")

    @rule(seconds=st.sampled_from((1, 20, 70, 400, 1_200)))
    def pass_time(self, seconds: int) -> None:
        self.world.now_ms += seconds * 1000

    @rule(lists=st.booleans())
    def cycle(self, lists: bool) -> None:
        self.world.cycle(lists=lists)

    @rule(crash=st.sampled_from(CRASHES))
    def die(self, crash: str) -> None:
        self.world.cycle(crash)

    @rule(fault=st.sampled_from(CALL_FAULTS))
    def fail_rebuild(self, fault) -> None:
        self.world.cloud.faults.script(Verb.REBUILD, fault)

    @rule(size=st.integers(0, 5))
    def want(self, size: int) -> None:
        self.world.target = size

    @invariant()
    def promises(self) -> None:
        if hasattr(self, "world"):
            self.world.check()
            for command in self.world.runner.running.values():
                assert set(command) <= set(self.world.commands), "only declared commands run"


TestShadow = ShadowMachine.TestCase
TestShadow.settings = settings(
    max_examples=40, stateful_step_count=40,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
