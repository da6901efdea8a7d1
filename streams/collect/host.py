"""The collector of this host: looks at its processes and says what users do."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import structlog

from infra.observe import collector as metrics
from infra.observe.health import Health
from schemas.settings import Settings
from streams.collect.accesses import Accesses
from streams.collect.brief_runs import Brief
from streams.collect.budget import CpuBudget
from streams.collect.nearby import Nearby
from streams.collect.open_runs import OpenRuns
from streams.collect.predictions import FollowedPredictions
from streams.collect.processes import Process, ProcessList, open_files, own_cpu_s
from streams.collect.producer import TelemetryProducer
from streams.collect.runs import Owner, Run, Runs, Use
from streams.collect.sockets import SocketBytes
from streams.collect.thinning import Thinning

LOG = structlog.get_logger(__name__)
CPU_SHARE = 0.01  # of a core; half of what is promised, so that bursts stay within
LONGEST_PAUSE_S = 60.0
SETTLE_S = 1.0
SLICE_S = 0.2
# A run that began longer ago was not seen to begin: its launch would be late.
RECENT_S = 60.0

Network = Callable[[], Mapping[int, int] | None]


@dataclass(slots=True)
class Senses:
    """What the collector sees the host with.

    Parameters
    ----------
    processes
        Lists the processes.
    network
        Bytes carried since the last look, per process number, or None.
    files
        Paths that a process has open.
    brief
        Programs that came and went since the last look, but for those that are given.
    """

    processes: Callable[[], list[Process]] = field(default_factory=lambda: ProcessList().read)
    network: Callable[[], Mapping[int, int] | None] = field(
        default_factory=lambda: SocketBytes().read
    )
    files: Callable[[int], set[str]] = open_files
    brief: Callable[[set[tuple[int, str]]], list[Brief]] = lambda _: []


class HostCollector:
    """Says launches, exits, use of resources and files of this host's users.

    Parameters
    ----------
    settings
        Where the state of the collector is kept.
    producer
        Takes what is said; one that retries for ever outlives restarts of Kafka.
    every_s
        Shortest pause between looks; it grows where looking costs over 1 % of a core.
    senses
        What to see with, by default psutil and ss.
    health
        Is told that the loop comes round, and whether everything is delivered.
    near
        Reads ahead what predictions of this host's users name; nothing, if left out.
    """

    def __init__(
        self,
        settings: Settings,
        producer: TelemetryProducer,
        *,
        every_s: float = 5.0,
        senses: Senses | None = None,
        health: Health | None = None,
        near: tuple[Nearby, FollowedPredictions] | None = None,
    ) -> None:
        self._health = health or Health("collector")
        self._health.wait_for("delivered", "Kafka has not taken anything yet")
        self._producer = producer
        self._near = near
        self._senses = senses or Senses()
        self._runs = Runs()
        self._open = OpenRuns(settings.state_dir, producer.source)
        self._thinning = Thinning()
        self._accesses = Accesses(self._senses.files)
        self._budget = CpuBudget(CPU_SHARE, every_s, max(LONGEST_PAUSE_S, every_s))
        self._first = True
        self._looked_at: set[tuple[int, str]] = set()
        self._counted = 0

    def run(self, stopped: Callable[[], bool]) -> None:
        """Look until stopped, then deliver what is left."""
        while not stopped():
            cpu_s = own_cpu_s()
            now_s = time.time()
            with metrics.LOOK_TIME.time():
                self.look(now_s)
            self._deliver(now_s)
            resume_s = time.monotonic() + self._budget.pause_s(own_cpu_s() - cpu_s)
            while not stopped() and time.monotonic() < resume_s:
                time.sleep(SLICE_S)
                self._health.beat()
                self._producer.poll()
                self._bring_near(time.time())

    def look(self, now_s: float) -> None:
        """Look once, and say what happened since the last look."""
        processes = self._senses.processes()
        change = self._runs.look(processes, now_s, self._senses.network())
        began, ended = change.began, change.ended
        if self._first:
            began, ended = self._since_last_time(began, now_s)
            self._first = False
        for run in ended:
            self._say_exit(run, now_s)
        for run in began:
            self._producer.launch(run.user, run.program, run.began_s, session=run.session)
        self._say_brief(processes)
        for owner, use in change.use.items():
            self._say_use(owner, use, now_s)
        for run, path in self._accesses.look(processes, self._runs.run_of):
            self._producer.access(run.user, run.program, now_s, path, session=run.session)
            if self._near is not None:
                user = self._producer.pseudonym(run.user)
                self._near[0].saw(user, self._producer.data_ref(path), path)
        self._open.keep(self._runs.running())

    def _bring_near(self, now_s: float) -> None:
        if self._near is not None:
            nearby, predictions = self._near
            for prediction in predictions.new():
                nearby.bring(prediction, now_s)

    def close(self) -> None:
        """Let go of the state."""
        self._open.close()

    def _since_last_time(self, running: list[Run], now_s: float) -> tuple[list[Run], list[Run]]:
        """Return the runs just begun, and those ended while the collector was down."""
        known = self._open.read()
        began = [r for r in running if r not in known and now_s - r.began_s < RECENT_S]
        return began, sorted(known - set(running))

    def _say_exit(self, run: Run, now_s: float) -> None:
        self._producer.exit(run.user, run.program, now_s, session=run.session)
        self._thinning.forget((run.user, run.program))
        self._accesses.forget(run)

    def _say_brief(self, processes: list[Process]) -> None:
        """Say what the kernel saw come and go between this look and the one before."""
        now = {(process.pid, process.program) for process in processes}
        for one in self._senses.brief(now | self._looked_at):
            user, program, session = one.began.user, one.began.program, one.session
            self._producer.launch(user, program, one.began.created_s, session=session)
            self._producer.exit(user, program, one.ended_s, session=session)
        self._looked_at = now

    def _say_use(self, owner: Owner, use: Use, now_s: float) -> None:
        if self._thinning.worth_saying(owner, use, now_s):
            user, program = owner
            self._producer.sample(user, program, now_s, **use._asdict())

    def _deliver(self, now_s: float) -> None:
        """Say the time once all is delivered; while Kafka is away, go on looking instead."""
        if self._producer.settle(SETTLE_S):
            self._producer.tick(now_s)
            metrics.DELIVERED.set(now_s)
            self._health.met("delivered")
        else:
            LOG.info("waiting_for_kafka")
            self._health.wait_for("delivered", "waiting for Kafka")
        metrics.EVENTS.inc(self._producer.sent - self._counted)
        self._counted = self._producer.sent
