"""Runners start what is declared, tell what became of it, and leave nothing behind."""

import pytest

from allocator.runner.declared import ProgramsError, command_of, load_programs
from allocator.runner.local import LocalRunner
from allocator.runner.protocol import Command, Outcome, Place
from allocator.runner.simulated import SimulatedRunner
from tests.testkit.pipeline import wait_for
from tests.testkit.processes import is_alive

HERE = Place("i-1")


@pytest.fixture
def runner():
    runner = LocalRunner()
    yield runner
    runner.close()


def test_a_program_counts_as_started_once_it_has_lived_a_while_and_ends_with_its_children(
    runner, tmp_path
) -> None:
    pids = tmp_path / "pids"
    script = f"sleep 900 & echo $! > {pids}; echo $$ >> {pids}; wait"
    command = Command("program/p", ("sh", "-c", script), keeps_running=True, grace_s=0.3)
    end = runner.execute(command, HERE)
    assert end.outcome is Outcome.STARTED
    wait_for(lambda: pids.exists() and len(pids.read_text().splitlines()) == 2, "both processes")
    running = [int(line) for line in pids.read_text().split()]
    assert all(map(is_alive, running))
    runner.end(HERE)
    wait_for(lambda: not any(map(is_alive, running)), "the end of both")


def test_a_program_that_ends_at_once_with_an_error_was_not_started(runner) -> None:
    command = Command("program/p", ("sh", "-c", "exit 3"), keeps_running=True, grace_s=60.0)
    end = runner.execute(command, HERE)
    assert (end.outcome, end.detail) == (Outcome.START_FAILED, "ended with 3")


def test_a_step_that_takes_too_long_is_ended(runner) -> None:
    end = runner.execute(Command("step/s", ("sleep", "60"), timeout_s=0.2), HERE)
    assert (end.outcome, end.detail) == (Outcome.START_FAILED, "not done within 0.2 s")


def test_output_is_cut_and_arguments_reach_no_shell(runner) -> None:
    command = Command("step/s", ("printf", "%s", "$HOME `id` ; true"), max_output_bytes=9)
    assert runner.execute(command, HERE).output == b"$HOME `id"


def test_nothing_of_our_environment_reaches_a_command(runner, monkeypatch) -> None:
    monkeypatch.setenv("OS_PASSWORD", "canary-7261")
    assert b"canary-7261" not in runner.execute(Command("step/env", ("env",)), HERE).output


def test_simulated_starts_fail_as_often_as_asked_for() -> None:
    runner = SimulatedRunner(seed=3, failure_rate=0.25)
    ends = [runner.execute(Command("program/p", ("p",)), HERE) for _ in range(2_000)]
    failed = sum(end.outcome is Outcome.START_FAILED for end in ends)
    assert 0.22 < failed / 2_000 < 0.28
    again = SimulatedRunner(seed=3, failure_rate=0.25)
    assert [again.execute(Command("program/p", ("p",)), HERE) for _ in range(50)] == ends[:50]


def test_programs_are_declared_in_a_file_and_chosen_by_name_then_pattern(tmp_path) -> None:
    path = tmp_path / "programs.toml"
    path.write_text(
        '[program.mail]\nstart = ["mail", "--new"]\ntimeout_s = 5\n'
        '[program."office-*"]\nstart = ["office"]\n'
        "[program.only-steps]\nsteps = []\n"
    )
    commands = load_programs(path)
    assert commands["mail"] == Command(
        "program/mail", ("mail", "--new"), keeps_running=True, timeout_s=5.0
    )
    assert command_of("office-calc", commands) is commands["office-*"]
    assert command_of("only-steps", commands) is None
    assert load_programs(tmp_path / "none.toml") == {}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('[program.p]\nstart = "mail --new"\n', "list of strings"),
        ("[program.p]\nstart = []\n", "argv"),
        ('[program.p]\nstart = ["p"]\nshell = true\n', "no such key: shell"),
        ('[program.p]\nstart = ["p"]\ntimeout_s = 0\n', "limits"),
        ("[program", "programs.toml"),
        ('program = "p"\n', "programs.toml"),
    ],
)
def test_a_programs_file_that_makes_no_sense_is_refused(tmp_path, text, why) -> None:
    path = tmp_path / "programs.toml"
    path.write_text(text)
    with pytest.raises(ProgramsError, match=why):
        load_programs(path)
