"""The supervisor starts in order, restarts what fails, gives up in the end, and leaves nothing."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import psutil
import pytest

from infra.local import spawn
from infra.local.exclusive import exclusively
from infra.local.restart import FailureRecord, RestartPolicy
from infra.local.service import CommandService
from infra.local.supervisor import EXIT_GAVE_UP, State, Supervisor

QUICK = RestartPolicy(limit=2, window_s=60, first_delay_s=0.05, longest_delay_s=0.1)
# What none of these processes needs; those that sleep would for longer still.
LONG_S = 120.0


def python(name: str, code: str, **options) -> CommandService:
    return CommandService(name, [sys.executable, "-c", textwrap.dedent(code)], **options)


def sleeper(name: str, **options) -> CommandService:
    return python(name, "import time; time.sleep(900)", **options)


def run_until(supervisor: Supervisor, condition) -> int:
    """Run in this thread (signals need it) until a tick meets the condition."""
    deadline = time.monotonic() + LONG_S
    met = []

    def tick(statuses) -> None:
        met.append(condition(statuses))
        if met[-1] or time.monotonic() > deadline:
            supervisor.stop()

    code = supervisor.run(tick, interval_s=0.0)
    assert met[-1], (supervisor.failure, supervisor.snapshot())
    return code


def test_services_start_in_order_each_when_the_one_before_is_ready(tmp_path):
    gate = tmp_path / "open"
    code = f"""
        import pathlib, time
        time.sleep(0.3)
        pathlib.Path({str(gate)!r}).touch()
        time.sleep(900)
    """
    first = python("first", code, ready=gate.exists)
    seen: list[tuple[State, State]] = []
    supervisor = Supervisor([first, sleeper("second")], tmp_path)

    def both_run(statuses):
        seen.append((statuses[0].state, statuses[1].state))
        return statuses[1].state is State.RUNNING

    assert run_until(supervisor, both_run) == 0
    assert (State.STARTING, State.WAITING) in seen
    assert (State.STARTING, State.RUNNING) not in seen


def test_a_job_ends_before_the_next_service_starts(tmp_path):
    job = python("job", "import time; time.sleep(0.3)", is_job=True)
    supervisor = Supervisor([job, python("after", "pass")], tmp_path)
    assert supervisor.run() == 0
    job_status, after = supervisor.snapshot()
    assert (job_status.state, after.state) == (State.DONE, State.DONE)


def test_a_service_beside_another_does_not_wait_for_it(tmp_path):
    slow = sleeper("broker", ready=lambda: False)
    supervisor = Supervisor([slow, sleeper("registry", beside=True), sleeper("worker")], tmp_path)
    run_until(supervisor, lambda s: s[1].state is State.RUNNING)
    assert supervisor.snapshot()[2].state is State.WAITING


def test_a_failed_process_is_started_again(tmp_path):
    marker = tmp_path / "was here"
    code = f"""
        import pathlib, sys, time
        marker = pathlib.Path({str(marker)!r})
        if marker.exists():
            time.sleep(900)
        marker.touch()
        sys.exit(3)
    """
    supervisor = Supervisor([python("worker", code, policy=QUICK)], tmp_path)
    code = run_until(supervisor, lambda s: s[0].restarts == 1 and s[0].state is State.RUNNING)
    assert code == 0
    assert supervisor.snapshot()[0].last_exit == 3


def test_a_crash_loop_ends_with_a_message_that_has_the_log(tmp_path):
    worker = python("worker", "import sys; sys.exit('no such topic')", policy=QUICK)
    supervisor = Supervisor([sleeper("broker"), worker], tmp_path)
    assert supervisor.run() == EXIT_GAVE_UP
    assert "worker ended with code 1, 3 times" in supervisor.failure
    assert "no such topic" in supervisor.failure
    assert supervisor.snapshot()[0].state is State.STOPPED


def test_a_service_that_never_gets_ready_ends_the_run(tmp_path):
    never = sleeper("never", ready=lambda: False, ready_timeout_s=0.3)
    supervisor = Supervisor([never], tmp_path)
    assert supervisor.run() == EXIT_GAVE_UP
    assert "never isn't ready" in supervisor.failure


def test_a_service_that_can_not_be_started_ends_the_run(tmp_path):
    supervisor = Supervisor([CommandService("gone", ["/no/such/program"])], tmp_path)
    assert supervisor.run() == EXIT_GAVE_UP
    assert "gone" in supervisor.failure


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_in_reverse_order(tmp_path, number):
    order = tmp_path / "order"
    code = f"""
        import pathlib, signal, sys, time
        def stop(*_):
            with open({str(order)!r}, "a") as out:
                out.write(NAME)
            sys.exit(0)
        signal.signal(signal.SIGTERM, stop)
        pathlib.Path({str(tmp_path)!r}, NAME).touch()
        time.sleep(900)
    """
    services = [
        python(n, f"NAME = {n!r}\n" + textwrap.dedent(code), ready=(tmp_path / n).exists)
        for n in "ab"
    ]
    supervisor = Supervisor(services, tmp_path)

    def signal_when_up(statuses) -> None:
        if all(s.state is State.RUNNING for s in statuses):
            os.kill(os.getpid(), number)

    assert supervisor.run(signal_when_up, interval_s=0.0) == 0
    assert order.read_text() == "ba"


def test_what_ignores_the_signal_is_killed_at_the_deadline(tmp_path):
    code = f"""
        import pathlib, signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        pathlib.Path({str(tmp_path)!r}, "deaf").touch()
        time.sleep(900)
    """
    deaf = python("deaf", code, ready=(tmp_path / "deaf").exists)
    supervisor = Supervisor([deaf], tmp_path, stop_deadline_s=0.2)
    started = time.monotonic()
    run_until(supervisor, lambda s: s[0].state is State.RUNNING)
    assert time.monotonic() - started < LONG_S
    assert deaf.exit_code() == -signal.SIGKILL


def test_a_second_signal_cuts_the_waiting_short(tmp_path):
    code = f"""
        import pathlib, signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        pathlib.Path({str(tmp_path)!r}, "deaf").touch()
        time.sleep(900)
    """
    deaf = python("deaf", code, ready=(tmp_path / "deaf").exists)
    supervisor = Supervisor([deaf], tmp_path, stop_deadline_s=500)

    def two_signals(statuses) -> None:
        if statuses[0].state is State.RUNNING:
            os.kill(os.getpid(), signal.SIGINT)
            threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()

    started = time.monotonic()
    supervisor.run(two_signals, interval_s=0.0)
    assert time.monotonic() - started < LONG_S
    assert deaf.exit_code() == -signal.SIGKILL


def test_the_status_has_memory_and_the_log_has_what_was_printed(tmp_path):
    chatty = python("chatty", "print('hello'); import time; time.sleep(900)")
    supervisor = Supervisor([chatty], tmp_path)
    log = tmp_path / "logs" / "chatty.log"
    statuses = []

    def heard(now) -> bool:
        statuses[:] = now
        return log.exists() and "hello" in log.read_text()

    run_until(supervisor, heard)
    assert statuses[0].rss_bytes > 1_000_000
    assert statuses[0].pid is not None
    assert statuses[0].log == log


def test_children_die_with_a_supervisor_that_is_killed(tmp_path):
    code = f"""
        import pathlib, sys
        from infra.local.service import CommandService
        from infra.local.supervisor import Supervisor
        child = CommandService("child", [sys.executable, "-c", "import time; time.sleep(900)"])
        Supervisor([child], pathlib.Path({str(tmp_path)!r})).run(
            lambda s: print(s[0].pid, flush=True), interval_s=0.1
        )
    """
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True
    )
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    child.wait(LONG_S)
    assert not child.is_running()


def test_a_child_started_from_a_thread_outlives_the_thread():
    started = []
    command = [sys.executable, "-c", "import time; time.sleep(900)"]
    thread = threading.Thread(target=lambda: started.append(spawn.spawn(command)))
    thread.start()
    thread.join()
    time.sleep(0.5)
    assert started[0].poll() is None
    assert spawn.kill(started[0]) == -signal.SIGKILL


def test_a_second_supervisor_of_the_same_folder_is_refused(tmp_path):
    refused = Supervisor([sleeper("twin")], tmp_path)
    with exclusively(tmp_path):
        assert refused.run() == EXIT_GAVE_UP
    assert f"in use by process {os.getpid()}" in refused.failure
    assert refused.snapshot()[0].pid is None


def test_delays_double_up_to_the_longest():
    failures = FailureRecord(RestartPolicy(limit=9, first_delay_s=1, longest_delay_s=5))
    assert [failures.delay_s(t) for t in range(5)] == [1, 2, 4, 5, 5]
