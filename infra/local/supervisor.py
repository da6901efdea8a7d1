"""Runs a list of services: starts them in order, restarts what fails, stops them in reverse.

`warmfront up` is a supervisor over the broker, the registry, the workers and the page. Whatever it
starts ends with it, also when it is killed itself (see spawn).
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import psutil

from infra.local.exclusive import AlreadyHeldError, exclusively
from infra.local.logfile import BoundedLog
from infra.local.restart import FailureRecord, RestartPolicy
from infra.local.service import Service

STOP_DEADLINE_S = 20.0
EXIT_GAVE_UP = 1
_POLL_S = 0.1
_LEAST_STOP_S = 2.0  # also the last in the row gets a chance to end by itself


class State(StrEnum):
    """Where a service is in its life."""

    WAITING = "waiting"
    STARTING = "starting"
    RUNNING = "running"
    RESTARTING = "restarting"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """One line of the live summary.

    Parameters
    ----------
    rss_bytes
        Resident memory of the process and its children.
    uptime_s
        Seconds since its last start, 0 where it doesn't run.
    last_exit
        Code of its last exit; -9 means killed by signal 9.
    """

    name: str
    state: State
    pid: int | None
    restarts: int
    uptime_s: float
    rss_bytes: int
    last_exit: int | None
    log: Path


@dataclass
class _Supervised:
    service: Service
    failures: FailureRecord
    state: State = State.WAITING
    restarts: int = 0
    started_s: float = 0.0
    due_s: float = 0.0
    last_exit: int | None = None

    @property
    def is_settled(self) -> bool:
        """Whether the next service may start."""
        return self.state is State.DONE or (self.state is State.RUNNING and not self.service.is_job)


@dataclass
class Supervisor:
    """Keeps services running until it is told to stop.

    Parameters
    ----------
    services
        In the order of their start; each waits until the one before is ready (a job: is done).
    state_dir
        Logs go to `<state_dir>/logs/<name>.log`; one supervisor at a time holds the folder.
    stop_deadline_s
        For all together; then SIGKILL.
    """

    services: Sequence[Service]
    state_dir: Path
    stop_deadline_s: float = STOP_DEADLINE_S
    failure: str = field(default="", init=False)

    def __post_init__(self) -> None:
        self._all = [
            _Supervised(s, FailureRecord(s.policy or RestartPolicy(limit=0))) for s in self.services
        ]
        self._stop = threading.Event()
        self._hurry = threading.Event()

    @property
    def log_dir(self) -> Path:
        return self.state_dir / "logs"

    def run(
        self,
        on_tick: Callable[[list[ServiceStatus]], None] | None = None,
        interval_s: float = 1.0,
    ) -> int:
        """Start everything, supervise until a signal, a failure or the end of all, stop everything.

        Call it in the main thread, since it handles SIGINT, SIGTERM and SIGHUP; a second signal
        stops without further waiting.

        Returns
        -------
        The exit code: 0, or EXIT_GAVE_UP, and `failure` then says why.
        """
        try:
            with exclusively(self.state_dir), self._signals_stop():
                try:
                    self._supervise(on_tick or (lambda _: None), interval_s)
                finally:
                    self._stop_all()
        except AlreadyHeldError as error:
            self.failure = str(error)
        return EXIT_GAVE_UP if self.failure else 0

    def _supervise(self, on_tick: Callable[[list[ServiceStatus]], None], interval_s: float) -> None:
        next_tick_s = 0.0
        while not self._stop.is_set() and self._step(time.monotonic()):
            if time.monotonic() >= next_tick_s:
                on_tick(self.snapshot())
                next_tick_s = time.monotonic() + interval_s
            self._stop.wait(_POLL_S)

    def stop(self) -> None:
        """Make run() end, from any thread."""
        self._stop.set()

    def snapshot(self) -> list[ServiceStatus]:
        """Return the state of every service, in order."""
        now_s = time.monotonic()
        return [_status(one, now_s) for one in self._all]

    def _step(self, now_s: float) -> bool:
        """Look after every service once; return whether to go on."""
        all_settled = True
        for one in self._all:
            if one.state is not State.WAITING:
                self._look_after(one, now_s)
            elif all_settled or one.service.beside:
                self._start(one, now_s)
            if self.failure:
                return False
            all_settled = all_settled and one.is_settled
        return not all_settled or any(one.state is State.RUNNING for one in self._all)

    def _look_after(self, one: _Supervised, now_s: float) -> None:
        if one.state is State.RESTARTING:
            if now_s >= one.due_s:
                one.restarts += 1
                self._start(one, now_s)
        elif one.state in {State.STARTING, State.RUNNING}:
            code = one.service.exit_code()
            if code is not None:
                self._ended(one, code, now_s)
            elif one.state is State.STARTING:
                self._await_ready(one, now_s)

    def _start(self, one: _Supervised, now_s: float) -> None:
        one.state, one.started_s = State.STARTING, now_s
        try:
            one.service.start(self.log_dir)
        except Exception as error:  # noqa: BLE001 - whatever it is, the others must be stopped
            self._give_up(one, f"{one.service.name} can't be started: {error}")

    def _await_ready(self, one: _Supervised, now_s: float) -> None:
        if one.service.is_ready():
            one.state = State.RUNNING
        elif now_s - one.started_s > one.service.ready_timeout_s:
            waited_s = one.service.ready_timeout_s
            self._give_up(one, f"{one.service.name} isn't ready after {waited_s:.0f} s")

    def _ended(self, one: _Supervised, code: int, now_s: float) -> None:
        one.last_exit = code
        if code == 0:
            one.state = State.DONE
            return
        delay_s = one.failures.delay_s(now_s)
        if delay_s is None:
            self._give_up(one, f"{one.service.name} {_exit_words(code)}{_times(one)}")
        else:
            one.state, one.due_s = State.RESTARTING, now_s + delay_s

    def _give_up(self, one: _Supervised, reason: str) -> None:
        one.state = State.FAILED
        tail = BoundedLog(one.service.log).tail()
        self.failure = f"{reason}. The end of {one.service.log}:\n{tail}" if tail else reason

    def _stop_all(self) -> None:
        give_up_s = time.monotonic() + self.stop_deadline_s
        for one in reversed(self._all):
            if one.service.pid is not None:
                left_s = max(_LEAST_STOP_S, give_up_s - time.monotonic())
                self._stop_one(one, left_s)
            if one.state not in {State.WAITING, State.FAILED, State.DONE}:
                one.state = State.STOPPED

    def _stop_one(self, one: _Supervised, deadline_s: float) -> None:
        """Stop it in a thread, so that a second signal can cut the waiting short."""
        thread = threading.Thread(target=one.service.stop, args=(deadline_s,))
        thread.start()
        while thread.is_alive():
            thread.join(_POLL_S)
            if self._hurry.is_set() and thread.is_alive():
                one.service.stop(0.0)

    @contextmanager
    def _signals_stop(self) -> Iterator[None]:
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = [signal.signal(number, self._on_signal) for number in numbers]
        try:
            yield
        finally:
            for number, handler in zip(numbers, before, strict=True):
                signal.signal(number, handler)

    def _on_signal(self, number: int, frame: object) -> None:
        del number, frame
        if self._stop.is_set():
            self._hurry.set()
        self._stop.set()


def _status(one: _Supervised, now_s: float) -> ServiceStatus:
    pid = one.service.pid
    return ServiceStatus(
        name=one.service.name,
        state=one.state,
        pid=pid,
        restarts=one.restarts,
        uptime_s=now_s - one.started_s if pid is not None else 0.0,
        rss_bytes=_rss_bytes(pid) if pid is not None else 0,
        last_exit=one.last_exit,
        log=one.service.log,
    )


def _rss_bytes(pid: int) -> int:
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        return sum(member.memory_info().rss for member in family)
    except psutil.NoSuchProcess:
        return 0


def _exit_words(code: int) -> str:
    return f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"


def _times(one: _Supervised) -> str:
    count, window_s = len(one.failures.times_s), one.failures.policy.window_s
    return f", {count} times within {window_s:.0f} s" if count > 1 else ""
