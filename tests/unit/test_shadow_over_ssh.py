"""Shadow runs on machines reached over real SSH: what gets to them, and what stays there."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from allocator.machine.lifecycle import Phase
from allocator.runner.protocol import Command, Outcome, Place
from allocator.runner.ssh import SshHost, SshLogin, SshRunner, line_of
from schemas.shadow import ShadowPlan, ShadowTerms, Step
from tests.testkit.machines import Machines, SshWorld
from tests.testkit.pipeline import wait_for
from tests.testkit.processes import is_alive
from tests.testkit.ssh_server import CONNECT_S, ssh_server

MINUTE_MS = 60_000
PLAN = ShadowPlan(
    step=(
        Step(id="mail/warm", programs=("mail*",), argv=("touch", "prepared"), saves_s=20.0),
        Step(id="mail/licence", programs=("mail*",), argv=("touch", "licence"), effect="external",
             undo=("touch", "returned"), saves_s=10.0),
    ),
    terms=ShadowTerms(minutes_per_hour=600.0, leave_ready=0, price_s=0.5, loss_limit_s=1e9),
)  # fmt: skip
DECLARED = {f"exec timeout -s KILL 30 touch {file}" for file in ("prepared", "licence", "returned")}


@pytest.fixture
def machines(tmp_path: Path):
    found = Machines(tmp_path)
    yield found
    found.close()


@pytest.fixture
def world(machines: Machines) -> SshWorld:
    """One machine: whoever comes gets that one."""
    world = SshWorld(machines, PLAN, cap=1)
    world.target = 1
    pass_minutes(world, 5)
    return world


def pass_minutes(world: SshWorld, minutes: int) -> None:
    for _ in range(minutes):
        world.cycle()
        world.now_ms += MINUTE_MS


def prepare(world: SshWorld, user: str = "ann", program: str = "mail") -> str:
    """Let the only machine be prepared for somebody; return its id."""
    world.foretell(user, program)
    world.cycle()
    world.now_ms += 11_000
    world.foretell(user, program)
    world.cycle()
    world.cycle()
    (instance,) = world.pool.ledger.in_phase(Phase.PREPARED)
    return instance.instance_id


def test_the_person_goes_on_from_what_was_done_on_the_machine(world) -> None:
    machine = prepare(world)
    assert world.machines.files(machine) == ["licence", "prepared"]
    world.ask_as("ann", "r-1")
    world.cycle()
    assert world.events["r-1/ASSIGNED"].instance_id == machine
    assert world.machines.files(machine) == ["licence", "prepared"]


def test_another_person_gets_the_machine_only_as_new(world) -> None:
    machine = prepare(world)
    key = world.machines.host_of(machine).host_keys
    world.ask_as("bob", "r-1")
    for _ in range(40):
        world.cycle()
        if "r-1/ASSIGNED" in world.events:
            break
        world.now_ms += MINUTE_MS
    assert world.events["r-1/ASSIGNED"].instance_id == machine, "there is no other"
    assert not world.machines.disk(machine).exists(), "nothing of what was done for ann"
    assert world.machines.lines[-1].endswith("touch returned"), "the licence was given back before"
    assert world.machines.host_of(machine).host_keys != key


@pytest.mark.parametrize(
    ("user", "program"),
    [
        ("$(touch pwned)", "mail; touch pwned"),
        ("ann\ntouch pwned", "mail`touch pwned`"),
        ("-oProxyCommand=touch pwned", "mail' || touch pwned #"),
    ],
)
def test_no_string_of_telemetry_reaches_a_machine(world, user, program) -> None:
    machine = prepare(world, user, program)
    assert world.machines.files(machine) == ["licence", "prepared"]
    pass_minutes(world, 20)
    assert set(world.machines.lines) == DECLARED


def test_a_step_that_comes_after_a_rebuild_finds_a_stranger(machines) -> None:
    warm = Command("step/mail/warm", ("touch", "prepared"))
    known = machines.host_of("i-1")
    machines.rebuild("i-1")
    now = machines.host_of("i-1")
    late = SshHost(known.address, now.port, known.host_keys)
    runner = SshRunner(
        SshLogin("x", machines.key_file, CONNECT_S), lambda _: late, {warm.command_id: warm}
    )
    assert runner.execute(warm, Place("i-1")).detail == "another host key than the cloud tells"
    assert (machines.lines, machines.files("i-1")) == ([], [])


def test_nothing_of_ours_stays_on_the_machine_or_here(tmp_path, monkeypatch) -> None:
    home, disk = tmp_path / "home", tmp_path / "disk"
    home.mkdir()
    disk.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("OS_PASSWORD", "canary-7261")
    warm = Command("step/mail/warm", ("sh", "-c", "env; find $HOME; cat $HOME/.ssh/* 2>&1"))
    with ssh_server(tmp_path) as made, ssh_server(disk, made.client_key) as server:
        runner = SshRunner(
            SshLogin("x", server.client_key, CONNECT_S),
            lambda _: server.host,
            {warm.command_id: warm},
        )
        seen = runner.execute(warm, Place("i-1")).output
        wait_for(lambda: not server.connected, "the connection's end")
        secret = server.client_key.read_bytes().splitlines()[1]
    assert b"PATH=" in seen
    for never in (b"canary-7261", b"SSH_AUTH_SOCK", secret):
        assert never not in seen
    assert (list(disk.iterdir()), list(home.iterdir())) == ([], [])
    assert (server.forwardings, server.agents, server.environments) == ([], [False], [{}])


def run_on(server, command: Command) -> SshRunner:
    login = SshLogin("x", server.client_key, CONNECT_S)
    return SshRunner(login, lambda _: server.host, {command.command_id: command})


def test_an_endless_flood_ends_at_the_time_limit_and_is_cut(tmp_path) -> None:
    floods = Command("step/f", ("yes",), timeout_s=1.0, max_output_bytes=1000)
    with ssh_server(tmp_path) as server:
        end = run_on(server, floods).execute(floods, Place("i-1"))
    assert (end.outcome, end.detail) == (Outcome.START_FAILED, "not done within 1 s")
    assert len(end.output) <= 1000


def test_a_machine_that_says_nothing_is_given_up(tmp_path) -> None:
    with ssh_server(tmp_path) as server, socket.create_server(("127.0.0.1", 0)) as silent:
        warm = Command("step/w", ("true",))
        host = SshHost("127.0.0.1", silent.getsockname()[1], server.host.host_keys)
        login = SshLogin("x", server.client_key, connect_timeout_s=0.5)
        end = SshRunner(login, lambda _: host, {"step/w": warm}).execute(warm, Place("i-1"))
    assert end.outcome is Outcome.START_FAILED
    assert end.took_s < 120


ALLOCATOR = """
import sys
from pathlib import Path
from allocator.runner.protocol import Command, Place
from allocator.runner.ssh import SshHost, SshLogin, SshRunner
key, port, host_key, *argv = sys.argv[1:]
command = Command("step/s", tuple(argv), timeout_s=12.0)
host = SshHost("127.0.0.1", int(port), (host_key,))
runner = SshRunner(SshLogin("x", Path(key), 60.0), lambda _: host, {"step/s": command})
runner.execute(command, Place("i"))
"""


def test_a_step_ends_at_its_limit_with_its_children_though_the_allocator_was_killed(
    tmp_path,
) -> None:
    argv = ("sh", "-c", "echo $$ > pids; sleep 300 & echo $! >> pids; echo all >> pids; wait")
    pids = tmp_path / "pids"
    with ssh_server(tmp_path) as server:
        command = [sys.executable, "-c", ALLOCATOR, str(server.client_key), str(server.port)]
        allocator = subprocess.Popen([*command, *server.host.host_keys, *argv])
        wait_for(lambda: pids.exists() and "all" in pids.read_text(), "all processes")
        running = [int(line) for line in pids.read_text().split()[:2]]
        assert all(map(is_alive, running))
        allocator.kill()
        allocator.wait()
        wait_for(lambda: not any(map(is_alive, running)), "their end")
        assert server.lines == [line_of(Command("step/s", argv, timeout_s=12.0))]
