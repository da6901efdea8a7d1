"""`warmfront up`: the whole pipeline on this machine, until Ctrl-C."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.live import Live

from infra.local.artifacts import ArtifactError
from infra.local.broker import LocalKafka
from infra.local.java import JavaError
from infra.local.ports import answers, free_port
from infra.local.server import READY_TIMEOUT_S
from infra.local.service import CommandService, ServerService, Service
from infra.local.supervisor import ServiceStatus, Supervisor
from infra.registry.apicurio import LocalRegistry
from schemas.settings import Settings
from streams.cli.live_summary import LiveSummary
from streams.runtime.terminal import Terminal

SAMPLE = "sample.csv.gz"
# Processes with metrics, in the order of their ports.
METRICS_PORT = "WARMFRONT_METRICS_PORT"
MEASURED = ("worker", "allocator", "dashboard", "collect")


@dataclass(frozen=True)
class Plan:
    """What is to run.

    Parameters
    ----------
    settings
        The deployment.
    trace
        Recording to replay first; None: the synthetic sample, at the first start only.
    collect
        Whether this machine's own programs are telemetry too.
    """

    settings: Settings
    trace: Path | None
    collect: bool

    @property
    def own_kafka(self) -> bool:
        """Whether no other broker was named."""
        return "bootstrap_servers" not in self.settings.model_fields_set

    @property
    def own_registry(self) -> bool:
        """Whether no other registry was named."""
        return "registry_url" not in self.settings.model_fields_set

    @property
    def environment(self) -> dict[str, str]:
        """What the processes are told of where things are."""
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.settings.bootstrap_servers,
            "WARMFRONT_REGISTRY_URL": self.settings.registry_url,
            "WARMFRONT_STATE_DIR": str(self.settings.state_dir.absolute()),
        }

    def metrics_port(self, name: str) -> int:
        """Return the port of a process's metrics, 0 for none: its own, or a free one if taken."""
        base = self.settings.local_metrics_port
        if not base or name not in MEASURED:
            return 0
        port = base + MEASURED.index(name)
        return free_port() if answers(port) else port

    @property
    def url(self) -> str:
        """Address of the page."""
        return f"http://127.0.0.1:{self.settings.dashboard_port}/"


def command(
    trace: Annotated[Path | None, typer.Option(help="Recording to replay first.")] = None,
    *,
    collect: Annotated[bool, typer.Option(help="Follow this machine's own programs.")] = True,
) -> None:
    """Start Kafka, registry, workers, allocator, page and collector here; Ctrl-C stops all."""
    console = Terminal(stderr=True)
    if trace is not None and not trace.exists():
        console.error(f"no file {trace}")
        raise typer.Exit(2)
    plan = Plan(Settings(), trace, collect)
    plan.settings.state_dir.mkdir(parents=True, exist_ok=True)
    try:
        supervisor = Supervisor(services(plan), plan.settings.state_dir)
        code = _run(supervisor, plan, console)
    except (ArtifactError, JavaError) as error:
        console.error(f"{error}\nwarmfront doctor tells more.")
        raise typer.Exit(1) from error
    if supervisor.failure:
        console.error(supervisor.failure)
    raise typer.Exit(code)


def _run(supervisor: Supervisor, plan: Plan, console: Terminal) -> int:
    summary = LiveSummary(plan.url, _metrics_urls(supervisor))
    if not console.is_terminal:
        return supervisor.run(lambda status: summary.print_changes(status, console))
    with Live(console=console, refresh_per_second=2, transient=False) as live:

        def show(status: list[ServiceStatus]) -> None:
            live.update(summary.render(status))

        return supervisor.run(show)


def _metrics_urls(supervisor: Supervisor) -> dict[str, str]:
    """Return where each process that has metrics serves them."""
    commands = [s for s in supervisor.services if isinstance(s, CommandService)]
    ports = {s.name: s.env.get(METRICS_PORT, "0") for s in commands}
    return {name: f"http://127.0.0.1:{p}/metrics" for name, p in ports.items() if p != "0"}


def services(plan: Plan) -> list[Service]:
    """Fetch what is missing, and return what is run, in the order of its start."""
    known = plan.settings
    folder = known.state_dir.absolute()
    running: list[Service] = []
    if plan.own_kafka:
        port = known.local_kafka_port
        kafka = LocalKafka(folder / "kafka", port=port, controller_port=port + 1)
        kafka.prepare()
        running.append(ServerService("kafka", kafka))
    if plan.own_registry:
        registry = LocalRegistry(folder / "registry", port=known.local_registry_port)
        registry.prepare()
        running.append(ServerService("registry", registry, beside=True))
    running += [
        _command(plan, "topics", "topics", "--create", is_job=True),
        _command(plan, "worker", "worker"),
        _command(plan, "allocator", "allocator"),
        _command(plan, "dashboard", "dashboard", ready_port=known.dashboard_port),
        *_replay(plan, folder),
    ]
    if known.alert_webhook is not None or known.alertmanager_url is not None:
        running.append(_command(plan, "alert-sink", "alert-sink"))
    if plan.collect:
        running.append(_command(plan, "collect", "collect"))
    return running


def _replay(plan: Plan, folder: Path) -> list[Service]:
    """Replay the trace or the sample; one that was replayed before ends at once."""
    sample = folder / SAMPLE
    source = plan.trace.absolute() if plan.trace else sample
    jobs: list[Service] = []
    if plan.trace is None and not sample.exists():
        jobs.append(_command(plan, "simulate", "simulate", str(sample), is_job=True))
    # The workers' first start here compiles for minutes; the replay waits for them.
    arguments = ["replay", str(source), "--shift-to-now", "--requests", "--pace-timeout", "300"]
    if plan.trace is None:
        arguments.append("--synthetic")
    return [*jobs, _command(plan, "replay", *arguments, is_job=True)]


def _command(
    plan: Plan, name: str, *arguments: str, is_job: bool = False, ready_port: int | None = None
) -> CommandService:
    warmfront = Path(sys.executable).with_name("warmfront")
    ready = None if ready_port is None else (lambda: answers(ready_port))
    environment: Mapping[str, str] = plan.environment | {METRICS_PORT: str(plan.metrics_port(name))}
    return CommandService(
        name, [warmfront, *arguments], env=environment, cwd=Path(os.curdir).absolute(),
        ready=ready, is_job=is_job, ready_timeout_s=3600.0 if is_job else READY_TIMEOUT_S,
    )  # fmt: skip
