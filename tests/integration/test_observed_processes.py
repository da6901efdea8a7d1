"""Running processes tell of themselves: truthful readiness, and every metric that is looked at."""

import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from allocator.worker import EXIT_START_AGAIN
from infra.grafana import panels
from infra.local import spawn
from infra.local.ports import free_port
from infra.observe import tracing
from schemas.records import AllocationRequest
from schemas.topics import ALLOCATION_REQUESTS
from streams.collect.producer import TelemetryProducer
from tests.testkit.otlp import OtlpReceiver
from tests.testkit.pipeline import (
    REPOSITORY,
    START_S,
    TOLD_CHARS,
    Deployment,
    Waited,
    deployed,
    wait_for,
)
from tests.testkit.telemetry import create_topics

pytestmark = [pytest.mark.integration, pytest.mark.timeout(3000)]

RULES = REPOSITORY / "infra" / "prometheus" / "alerts.yml"
START_MS = 1_764_064_800_000
RECORDS = "warmfront_dashboard_records_total"
ATTEMPTS = 3
PROCESSES = ("worker", "allocator", "dashboard", "collect")
# Words of the query language, and what Prometheus itself adds.
NOT_OURS = {
    "sum", "by", "rate", "increase", "histogram_quantile", "time", "max", "min", "on", "or", "and",
    "up", "label_values", "le", "inf",
}  # fmt: skip


class Running:
    """The four processes of one deployment, each with a port for its metrics."""

    def __init__(self, deployment: Deployment, host_prefix: str) -> None:
        self.deployment = deployment
        self.host_prefix = host_prefix
        self.ports = {name: free_port() for name in PROCESSES}
        self.traces = OtlpReceiver()
        self.first_ready: dict[str, list[int]] = {name: [] for name in PROCESSES}
        self._started: dict[str, spawn.Process] = {}
        self.starts = 0

    def start(self, name: str) -> None:
        self.starts += 1
        folder = self.deployment.settings.state_dir
        env = {
            **self.deployment.environment,
            "WARMFRONT_METRICS_PORT": str(self.ports[name]),
            "WARMFRONT_DASHBOARD_PORT": str(free_port()),
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.traces.address,
            "OTEL_TRACES_SAMPLER": "parentbased_always_off",  # only what the test begins
            "OTEL_BSP_SCHEDULE_DELAY": "500",
        }
        if name == "collect":
            # Its heartbeats say that it is now: under the same prefix the test's telemetry of an
            # older day would be late.
            env["WARMFRONT_TOPIC_PREFIX"] = self.host_prefix
        arguments = [name, "--clock", "event"] if name == "allocator" else [name]
        command = self.deployment.command(*arguments)
        with (folder / f"{name}.log").open("ab") as log:
            self._started[name] = spawn.spawn(command, output=log, env=env, cwd=REPOSITORY)

    def wait_for(self, condition: Callable[[], object], what: str, timeout_s: float) -> None:
        """Wait until a condition holds; a worker or allocator that ended to be started again is."""

        def held() -> object:
            for name, process in list(self._started.items()):
                if process.poll() == EXIT_START_AGAIN:
                    self.start(name)
                else:
                    assert process.poll() is None, self.said()
            return condition()

        wait_for(held, Waited(what, self.said), timeout_s)

    def metrics(self, name: str) -> str:
        """What a process exports, once it does: one that was started again takes a while."""
        told: list[str] = []

        def tells() -> bool:
            told.append(self.get(name, "/metrics")[1])
            return bool(told[-1])

        self.wait_for(tells, f"metrics of {name}", START_S)
        return told[-1]

    def is_running(self, name: str) -> bool:
        return self._started[name].poll() is None

    def said(self) -> str:
        """What each process said last."""
        logs = [self.deployment.settings.state_dir / f"{name}.log" for name in self._started]
        return "\n".join(f"-- {log.stem}\n{log.read_text()[-TOLD_CHARS:]}" for log in logs)

    def get(self, name: str, path: str) -> tuple[int, str]:
        url = f"http://127.0.0.1:{self.ports[name]}{path}"
        try:
            with urllib.request.urlopen(url, timeout=60) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except (OSError, HTTPException):
            return 0, ""

    def is_ready(self, name: str) -> bool:
        status, _ = self.get(name, "/readyz")
        if status:
            self.first_ready[name].append(status)
        return status == 200

    def was_traced(self, way: list[str], begin: str) -> bool:
        ways = self.traces.ways_up(way[0])
        return any(found[:-1] == way and found[-1].startswith(begin) for found in ways)

    def stop(self) -> None:
        for process in self._started.values():
            spawn.kill(process)
        self.traces.close()


@pytest.fixture(scope="module")
def running(
    kafka_bootstrap: str, registry_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("observed")
    prefix = f"t{folder.name}{free_port()}."
    create_topics(kafka_bootstrap, f"{prefix}host.")
    with deployed(kafka_bootstrap, registry_url, prefix, folder) as deployment:
        processes = Running(deployment, f"{prefix}host.")
        try:
            for name in PROCESSES:
                processes.start(name)
                # Often, and from the start: it is seen while it is not ready yet.
                while not processes.first_ready[name]:
                    assert processes.is_running(name), processes.said()
                    processes.is_ready(name)
                    time.sleep(0.05)
                processes.wait_for(lambda n=name: processes.is_ready(n), f"{name} ready", 600)
            yield processes
        finally:
            processes.stop()


@pytest.fixture
def traced(running: Running, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The test's own process traces what it publishes, until the test ends."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", running.traces.address)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_on")
    tracing.start("observed")
    yield
    tracing.stop()


def exported(text: str) -> set[str]:
    """The names of the samples that an export has, or would have: a label's first value creates."""
    names = set()
    for family in text_string_to_metric_families(text):
        suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}
        names |= {family.name + suffix for suffix in suffixes.get(family.type, ("",))}
    return names


def mentioned(query: str) -> set[str]:
    """The metrics that a query names."""
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|by \([^)]*\)|on \([^)]*\)", " ", query)
    return set(re.findall(r"[a-z_]+[a-z]", bare)) - NOT_OURS


def test_no_process_was_ready_before_it_could_do_its_work(running: Running) -> None:
    for name in ("worker", "allocator"):
        assert running.first_ready[name][0] == 503, f"{name}: {running.first_ready[name][:5]}"
        assert running.first_ready[name][-1] == 200
    for name in PROCESSES:
        assert running.get(name, "/healthz")[0] == 200


def test_a_worker_is_ready_only_once_it_owns_partitions(running: Running) -> None:
    running.wait_for(lambda: running.is_ready("worker"), "the worker ready", START_S)
    text = running.metrics("worker")
    owned = next(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "warmfront_worker_assigned_partitions"
    )
    assert owned > 0


def test_every_metric_in_rules_and_dashboard_is_exported(running: Running) -> None:
    have = set().union(*(exported(running.metrics(name)) for name in PROCESSES))
    rules = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    queries = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    board = json.loads(panels.FILE.read_text(encoding="utf-8"))
    queries += [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    asked = set().union(*map(mentioned, queries))
    assert len(asked) > 30, "the names are found in the queries"
    assert asked - have == set()


@pytest.mark.usefixtures("traced")
def test_metrics_and_traces_tell_what_went_through(running: Running) -> None:
    for attempt in range(ATTEMPTS):
        if went_through(running, attempt):
            break
        # A process that was started again counts from zero: all goes through once more.
    else:
        pytest.fail(f"{running.starts} starts of processes: none lived through it")
    for way, begin in (
        (["cloud CREATE", "allocator commit", "allocator request"], "publish allocation.requests"),
        (["allocator forecast", "pools step", "profile step"], "publish telemetry."),
    ):
        running.wait_for(
            lambda w=way, b=begin: running.was_traced(w, b), f"trace of {way[0]}", START_S
        )
    assert {span.service for span in running.traces.spans} >= {
        "warmfront-observed", "warmfront-worker", "warmfront-allocator",
    }  # fmt: skip
    assert "canary-user" not in str(running.traces.spans)


def went_through(running: Running, attempt: int) -> bool:
    """Whether all that is sent now is counted; not where a process is started again meanwhile."""
    starts = running.starts
    send(running.deployment, START_MS + attempt * 3 * 3_600_000, attempt)

    def counted(process: str, sample: str, **labels: str) -> float:
        families = text_string_to_metric_families(running.get(process, "/metrics")[1])
        found = (s for f in families for s in f.samples if s.name == sample)
        return sum(s.value for s in found if labels.items() <= s.labels.items())

    def becomes(count: float, what: str, process: str, sample: str, **labels: str) -> None:
        def is_counted() -> bool:
            return running.starts > starts or counted(process, sample, **labels) >= count

        running.wait_for(is_counted, what, START_S)

    outputs = "warmfront_worker_outputs_total"
    becomes(1, "a request", "allocator", "warmfront_allocator_requests_total")
    becomes(1, "forecasts", "worker", outputs, topic="forecasts.demand")
    becomes(1, "the page reads them", "dashboard", RECORDS, topic="allocation.events")
    becomes(90, "a prediction for each launch", "worker", outputs, topic="predictions.programs")
    becomes(90, "its steps", "worker", "warmfront_worker_step_seconds_count", stage="profile")

    def served() -> bool:
        ends = [f"warmfront_reserve_{end}_total" for end in ("misses", "hits")]
        found = sum(counted("allocator", end, pool="build") for end in ends)
        return running.starts > starts or found >= 1

    running.wait_for(served, "a hit or a miss", START_S)
    return running.starts == starts


def send(deployment: Deployment, start_ms: int, attempt: int) -> None:
    """An hour and a half of somebody at work, and two requests."""
    with TelemetryProducer(deployment.settings, "observed") as telemetry:
        for minute in range(90):
            moment = start_ms / 1000 + 60.0 * minute
            telemetry.launch("canary-user", "editor", moment)
            telemetry.tick(moment)
        # The second lets event time pass, in which the first one's launch ends.
        for number, minute in enumerate((90, 100)):
            request = AllocationRequest(
                request_id=f"r{attempt}-{number}", kind="REQUEST", user="canary-user",
                program="editor", pool="build", time=start_ms + minute * 60_000,
            )  # fmt: skip
            telemetry.publish(ALLOCATION_REQUESTS, "build", request)


def test_no_metric_names_a_user(running: Running) -> None:
    for name in PROCESSES:
        text = running.metrics(name)
        assert "canary-user" not in text
        assert not re.search(r'[{,](user|person)="', text)


def test_names_follow_the_rules_of_prometheus(running: Running) -> None:
    for name in PROCESSES:
        for family in text_string_to_metric_families(running.metrics(name)):
            if family.name.startswith("warmfront_"):
                assert not re.search(r"_(ms|minutes|hours|percent|mb|kb)(_|$)", family.name)
                assert family.documentation


def test_the_committed_dashboard_is_what_its_code_makes() -> None:
    assert Path(panels.FILE).read_text(encoding="utf-8") == panels.text()
