"""The operator's file of first steps: what it may say, and that nothing else can ever run."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocator.policy.workflows import WorkflowBook
from allocator.runner.protocol import Outcome, Place, RunEnd
from allocator.runner.ssh import line_of
from allocator.stepper import Stepper, commands_of
from schemas.shadow import ShadowError, ShadowPlan, Step, Workflow, load_shadow
from tests.testkit.shadow_world import PLAN, ShadowWorld

GOOD = """
[[step]]
id = "mail/warm"
programs = ["mail"]
argv = ["cat", "/opt/mail"]
saves_s = 5.0
"""
BAD = {
    "unknown field": (GOOD + "shell = true\n", "shell"),
    "a line for a shell": (GOOD.replace('["cat", "/opt/mail"]', '"cat /opt/mail"'), "argv"),
    "nothing to run": (GOOD.replace('["cat", "/opt/mail"]', "[]"), "argv"),
    "an empty part": (GOOD.replace('"cat"', '""'), "argv"),
    "no saving": (GOOD.replace("saves_s = 5.0", "saves_s = 0"), "saves_s"),
    "two of an id": (GOOD + GOOD, "two of that id"),
    "external without undo": (GOOD + 'effect = "external"\n', "needs undo"),
    "undo of nothing external": (GOOD + 'undo = ["x"]\n', "a rebuild undoes it"),
    "an unknown effect": (GOOD + 'effect = "world"\n', "effect"),
    "a lonely workflow": (GOOD + '[[workflow]]\nname = "w"\nprograms = ["a"]\n', "programs"),
    "no TOML": ("[[", "Invalid"),
    "blanks in an id": (GOOD.replace("mail/warm", "mail warm"), "no blanks"),
    "infinite": (GOOD + "ttl_s = inf\n", "finite"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_mistake_is_named(name: str, tmp_path: Path) -> None:
    text, says = BAD[name]
    path = tmp_path / "shadow.toml"
    path.write_text(text)
    with pytest.raises(ShadowError, match=says):
        load_shadow(path)


def test_the_shipped_file_is_good_and_a_missing_one_declares_nothing(tmp_path: Path) -> None:
    shipped = load_shadow(Path(__file__).parents[2] / "infra" / "shadow.toml")
    assert shipped.steps_of("compiler")
    assert load_shadow(tmp_path / "none.toml") == ShadowPlan()


class Recorder:
    """A runner that keeps what it was to run."""

    def __init__(self) -> None:
        self.argvs: list[tuple[str, ...]] = []

    def execute(self, command, place: Place) -> RunEnd:
        self.argvs.append(command.argv)
        return RunEnd(Outcome.STARTED, 1.0)

    def end(self, place: Place) -> None: ...

    def close(self) -> None: ...


HOSTILE = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["mail; rm -rf /", "mail$(id)", "mail`id`", "mail\n", "mail' || id #", "-rf"]),
)


@settings(max_examples=30)
@given(program=HOSTILE, user=HOSTILE, after=HOSTILE)
def test_no_string_of_telemetry_is_ever_part_of_a_command(program, user, after) -> None:
    """From a hostile prediction to the line that an SSH server is sent."""
    world = ShadowWorld(1, fault_rate=0.0)
    recorder = Recorder()
    world.runner = recorder
    world.cycle()
    world.now_ms += 300_000
    world.cycle()
    world.foretell(user, program)
    world.foretell(user, f"mail{program}")
    world.cycle()
    declared = {step.argv for step in PLAN.step} | {step.undo for step in PLAN.step}
    assert set(recorder.argvs) <= declared
    lines = {line_of(command) for command in commands_of(PLAN).values()}
    assert lines == {
        "exec timeout -s KILL 30 mount /mail",
        "exec timeout -s KILL 30 checkout mail",
        "exec timeout -s KILL 30 checkin mail",
    }


def test_a_step_that_is_not_declared_is_refused() -> None:
    from allocator.machine.observed import Answer, Call, Verb  # noqa: PLC0415

    recorder = Recorder()
    call = Call(Verb.PREPARE, "office", "i", "id", 0, "r", steps=("mail/warm", "; id"))
    step = Step(id="mail/warm", programs=("mail",), argv=("true",), saves_s=1.0)
    result = Stepper(recorder, commands_of(ShadowPlan(step=(step,)))).make(call)
    assert (result.answer, recorder.argvs) == (Answer.REFUSED, [("true",)])


BUILD = Workflow(name="build", programs=("editor", "compiler", "tests"), critical=3.0)


def test_a_workflow_is_followed_step_by_step_and_left_at_a_turn() -> None:
    book = WorkflowBook([BUILD])
    assert book.weight("ann", "editor") == 1.0
    for minute, (program, following) in enumerate((("editor", "compiler"), ("compiler", "tests"))):
        book.launched("ann", program, minute * 60_000)
        assert book.weight("ann", following) == 3.0
    book.launched("ann", "mail", 180_000)
    assert book.weight("ann", "tests") == 1.0


def test_who_pauses_for_hours_has_left() -> None:
    book = WorkflowBook([BUILD])
    book.launched("ann", "editor", 0)
    book.launched("ann", "compiler", 5 * 3_600_000)
    assert book.weight("ann", "tests") == 1.0


def test_what_nearly_always_follows_is_learned_as_a_sequence() -> None:
    book = WorkflowBook()
    for day in range(40):
        for k, program in enumerate(("vpn", "mail", "calendar")):
            book.launched(f"u{day % 7}", program, day * 86_400_000 + k * 60_000)
    assert book.sequence("vpn") == ["vpn", "mail", "calendar"]
    book.launched("new", "vpn", 41 * 86_400_000)
    assert book.weight("new", "mail") > 1.0
    again = WorkflowBook.from_bytes(book.to_bytes(), ())
    assert again.sequence("vpn") == ["vpn", "mail", "calendar"]


def test_chance_is_not_learned() -> None:
    book = WorkflowBook()
    for k in range(200):
        book.launched("ann", ("a", "b", "a", "c")[k % 4], k * 60_000)
    assert book.follows("a") is None
