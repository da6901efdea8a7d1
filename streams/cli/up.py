"""`warmfront up`: the whole pipeline on this machine, until Ctrl-C."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from infra.local.artifacts import ArtifactError
from infra.local.broker import LocalKafka
from infra.local.java import JavaError
from infra.local.ports import answers
from infra.local.service import CommandService, ServerService, Service
from infra.local.supervisor import ServiceStatus, Supervisor
from infra.registry.apicurio import LocalRegistry
from schemas.settings import Settings
from streams.cli.live_summary import LiveSummary

SAMPLE = "sample.csv.gz"
STATE_DIR = Path(".state")


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
    ports
        Kafka's port and the registry's.
    """

    settings: Settings
    trace: Path | None
    collect: bool
    ports: tuple[int, int] = (29092, 28081)

    @property
    def environment(self) -> dict[str, str]:
        """What the processes are told of where things are."""
        kafka, registry = self.ports
        return {
            "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{kafka}",
            "WARMFRONT_REGISTRY_URL": f"http://127.0.0.1:{registry}/apis/ccompat/v7",
            "WARMFRONT_STATE_DIR": str(self.settings.state_dir.absolute()),
        }

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
    console = Console(stderr=True)
    if trace is not None and not trace.exists():
        console.print(f"[red]error:[/] no file {trace}", highlight=False)
        raise typer.Exit(2)
    plan = Plan(Settings(), trace, collect)
    plan.settings.state_dir.mkdir(parents=True, exist_ok=True)
    try:
        supervisor = Supervisor(services(plan), plan.settings.state_dir)
        code = _run(supervisor, plan, console)
    except (ArtifactError, JavaError) as error:
        console.print(f"[red]error:[/] {error}\nwarmfront doctor tells more.", highlight=False)
        raise typer.Exit(1) from error
    if supervisor.failure:
        console.print(f"[red]stopped:[/] {supervisor.failure}", highlight=False, markup=True)
    raise typer.Exit(code)


def _run(supervisor: Supervisor, plan: Plan, console: Console) -> int:
    summary = LiveSummary(plan.url)
    if not console.is_terminal:
        return supervisor.run(lambda status: summary.print_changes(status, console))
    with Live(console=console, refresh_per_second=2, transient=False) as live:

        def show(status: list[ServiceStatus]) -> None:
            live.update(summary.render(status))

        return supervisor.run(show)


def services(plan: Plan) -> list[Service]:
    """Return what is run, in the order of its start."""
    kafka, registry = plan.ports
    folder = plan.settings.state_dir.absolute()
    port = plan.settings.dashboard_port
    running: list[Service] = [
        ServerService("kafka", LocalKafka(folder / "kafka", port=kafka, controller_port=kafka + 1)),
        ServerService("registry", LocalRegistry(folder / "registry", port=registry)),
        _command(plan, "topics", "topics", "--create", is_job=True),
        _command(plan, "worker", "worker"),
        _command(plan, "allocator", "allocator"),
        _command(plan, "dashboard", "dashboard", ready_port=port),
        *_replay(plan, folder),
    ]
    if plan.collect:
        running.append(_command(plan, "collect", "collect"))
    return running


def _replay(plan: Plan, folder: Path) -> list[Service]:
    shifted = ("--shift-to-now", "--requests")
    if plan.trace is not None:
        return [
            _command(plan, "replay", "replay", str(plan.trace.absolute()), *shifted, is_job=True)
        ]
    sample = folder / SAMPLE
    if sample.exists():
        return []  # it was replayed at the first start; its times would be in the past by now
    return [
        _command(plan, "simulate", "simulate", str(sample), is_job=True),
        _command(plan, "replay", "replay", str(sample), *shifted, is_job=True),
    ]


def _command(
    plan: Plan, name: str, *arguments: str, is_job: bool = False, ready_port: int | None = None
) -> CommandService:
    warmfront = Path(sys.executable).with_name("warmfront")
    ready = None if ready_port is None else (lambda: answers(ready_port))
    environment: Mapping[str, str] = plan.environment
    return CommandService(
        name, [warmfront, *arguments], env=environment, cwd=Path(os.curdir).absolute(),
        ready=ready, is_job=is_job, ready_timeout_s=3600.0 if is_job else 120.0,
    )  # fmt: skip
