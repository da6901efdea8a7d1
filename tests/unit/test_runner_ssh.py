"""Steps over SSH: a real server on loopback, a pinned host key, an allow-list, and limits."""

import dataclasses
import time

import asyncssh
import pytest

from allocator.runner.protocol import Command, Outcome, Place
from allocator.runner.ssh import HostUnknownError, SshHost, SshLogin, SshRunner
from tests.testkit.pipeline import wait_for
from tests.testkit.ssh_server import CONNECT_S, ssh_server

PLACE = Place("i-1")


@pytest.fixture
def server(tmp_path):
    with ssh_server(tmp_path) as running:
        yield running


def runner_of(server, *commands: Command, host: SshHost | None = None) -> SshRunner:
    allowed = {command.command_id: command for command in commands}
    return SshRunner(
        SshLogin("shadow", server.client_key, CONNECT_S), lambda _: host or server.host, allowed
    )


def step(*argv: str, **limits) -> Command:
    return Command("step/mail/warm", argv, **limits)


def test_a_declared_step_runs_and_its_output_comes_back(server) -> None:
    warm = step("printf", "%s", "cache is warm")
    end = runner_of(server, warm).execute(warm, PLACE)
    assert (end.outcome, end.output) == (Outcome.STARTED, b"cache is warm")
    assert server.logins == ["shadow"]


@pytest.mark.parametrize(
    "hostile", ["; touch pwned", "$(touch pwned)", "`id`", "a'b\"c", "-rf", "&& id", "x\ny", "*"]
)
def test_an_argument_arrives_as_it_is_whatever_a_shell_would_make_of_it(server, hostile) -> None:
    warm = step("printf", "%s", hostile)
    assert runner_of(server, warm).execute(warm, PLACE).output == hostile.encode()


def test_what_is_not_declared_never_reaches_the_server(server) -> None:
    declared = step("true")
    runner = runner_of(server, declared)
    for forged in (
        Command("step/mail/other", ("true",)),
        dataclasses.replace(declared, argv=("touch", "pwned")),
        dataclasses.replace(declared, timeout_s=9_999.0),
    ):
        end = runner.execute(forged, PLACE)
        assert (end.outcome, end.detail) == (Outcome.START_FAILED, "not a declared command")
    assert server.lines == []


def test_another_host_key_than_the_cloud_tells_is_refused_before_anything_is_sent(server) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    warm = step("true")
    runner = runner_of(server, warm, host=dataclasses.replace(server.host, host_keys=(other,)))
    end = runner.execute(warm, PLACE)
    assert (end.outcome, end.detail) == (
        Outcome.START_FAILED, "another host key than the cloud tells",
    )  # fmt: skip
    assert server.lines == []


def test_without_a_host_key_from_the_cloud_nobody_is_trusted(server) -> None:
    warm = step("true")
    runner = runner_of(server, warm, host=dataclasses.replace(server.host, host_keys=()))
    assert runner.execute(warm, PLACE).detail == "the cloud tells no host key to trust"
    assert server.lines == []


def test_no_agent_no_environment_no_terminal_goes_along(server, monkeypatch) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", "/nowhere/agent")
    monkeypatch.setenv("OS_PASSWORD", "secret")
    warm = step("env")
    runner_of(server, warm).execute(warm, PLACE)
    assert server.environments == [{}]
    assert server.agents == [False]
    assert server.terminals == [None]


def test_a_step_that_hangs_is_killed_at_its_limit(server) -> None:
    hangs = step("sleep", "300", timeout_s=0.5)
    began_s = time.monotonic()
    end = runner_of(server, hangs).execute(hangs, PLACE)
    assert (end.outcome, end.detail) == (Outcome.START_FAILED, "not done within 0.5 s")
    assert time.monotonic() - began_s < 60


def test_output_beyond_the_limit_is_dropped(server) -> None:
    floods = step("head", "-c", "1000000", "/dev/zero", max_output_bytes=1000)
    end = runner_of(server, floods).execute(floods, PLACE)
    assert (end.outcome, end.output) == (Outcome.STARTED, bytes(1000))


def test_a_step_that_fails_says_so(server) -> None:
    fails = step("false")
    end = runner_of(server, fails).execute(fails, PLACE)
    assert (end.outcome, end.detail) == (Outcome.START_FAILED, "ended with 1")


def test_a_program_is_left_running(server, tmp_path) -> None:
    told, mark = tmp_path / "told", tmp_path / "alive"
    waits = f"for n in $(seq 3000); do [ -e {told} ] && break; sleep 0.1; done; touch {mark}"
    program = Command("program/mail", ("sh", "-c", waits), keeps_running=True, grace_s=0.2)
    end = runner_of(server, program).execute(program, PLACE)
    assert (end.outcome, end.detail) == (Outcome.STARTED, "running")
    told.touch()
    wait_for(mark.exists, "a word of the program's")


def test_nobody_there_is_a_failed_start_and_no_exception(server) -> None:
    warm = step("true")
    runner = runner_of(server, warm, host=dataclasses.replace(server.host, port=1))
    assert runner.execute(warm, PLACE).detail.startswith("no SSH: ")


def test_a_guest_that_still_boots_is_waited_for(tmp_path, server) -> None:
    warm = step("printf", "up")
    asked = []

    def host_of(instance_id: str) -> SshHost:
        """No key on the console yet, then no server, then both."""
        asked.append(instance_id)
        if len(asked) == 1:
            return dataclasses.replace(server.host, host_keys=())
        return dataclasses.replace(server.host, port=1) if len(asked) == 2 else server.host

    login = SshLogin("shadow", server.client_key, CONNECT_S, boot_s=300.0)
    end = SshRunner(login, host_of, {warm.command_id: warm}).execute(warm, PLACE)
    assert (end.outcome, end.output) == (Outcome.STARTED, b"up")
    assert asked == ["i-1"] * 3
    assert len(server.lines) == 1


def test_what_ran_and_failed_is_not_run_again_however_long_a_boot_may_take(server) -> None:
    fails = step("false")
    login = SshLogin("shadow", server.client_key, CONNECT_S, boot_s=300.0)
    SshRunner(login, lambda _: server.host, {fails.command_id: fails}).execute(fails, PLACE)
    assert len(server.lines) == 1


def test_a_cloud_that_does_not_answer_is_a_failed_start(server) -> None:
    def host_of(instance_id: str) -> SshHost:
        raise HostUnknownError("503")

    warm = step("true")
    runner = SshRunner(
        SshLogin("shadow", server.client_key, CONNECT_S), host_of, {warm.command_id: warm}
    )  # fmt: skip
    assert runner.execute(warm, PLACE).detail == "the cloud tells no address: 503"
