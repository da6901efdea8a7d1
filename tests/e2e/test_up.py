"""`warmfront up` runs the main job on a recording: forecasts, reserve decisions, assignments."""

import csv
import json
import os
import random
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from infra.local import spawn
from infra.local.ports import free_port
from schemas.records import AllocationEvent
from schemas.settings import Settings
from schemas.topics import ALLOCATION_EVENTS
from tests.testkit.pipeline import REPOSITORY, TOLD_CHARS, Deployment, wait_for
from tests.testkit.processes import interrupted

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

SEED = 5


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """Launches of two working days by six people."""
    chance = random.Random(SEED)
    path = tmp_path / "office.csv"
    times = sorted(
        day * 86_400 + chance.gauss(43_200, 9_000) for day in range(2) for _ in range(150)
    )
    with path.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(("user", "time", "program"))
        for moment in times:
            program = chance.choice(("mail", "browser", "editor", "compiler"))
            writer.writerow((f"user{chance.randrange(6)}", f"{1.75e9 + moment:.0f}", program))
    return path


class Standing:
    """What is known of a run, for whoever reads of a failure."""

    def __init__(self, state_dir: Path) -> None:
        self._logs = state_dir / "logs"
        self.known: dict[str, Any] = {}

    def __str__(self) -> str:
        told = [
            "forecasts, reserve and assignments",
            f"counts {self.known['counts']}, lag {self.known.get('lag')}",
        ]
        told += [
            f"-- {log.name}\n{log.read_text(errors='replace')[-TOLD_CHARS:]}"
            for log in sorted(self._logs.glob("*.log"))
        ]
        return "\n".join(told)


def summary(port: int) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/summary", timeout=30) as reply:
            return dict(json.load(reply))
    except OSError:
        return {"counts": {}, "reserve": [], "allocations": []}


def was_assigned(kafka: int, registry: int, folder: Path) -> bool:
    """Whether anything was ever assigned; the page shows the newest twenty events only."""
    here = Settings(
        bootstrap_servers=f"127.0.0.1:{kafka}",
        registry_url=f"http://127.0.0.1:{registry}/apis/ccompat/v7",
        state_dir=folder,  # its own: the ids that are kept elsewhere are another registry's
    )
    records = (record for _, record in Deployment(here).records(ALLOCATION_EVENTS))
    return any(isinstance(r, AllocationEvent) and r.kind == "ASSIGNED" for r in records)


def test_up_replays_decides_assigns_and_stops(tmp_path: Path, trace: Path) -> None:
    # Its Kafka listens on the next port too, as controller.
    page, kafka, registry = free_port(), free_port(with_next=True), free_port()
    environment = {
        "WARMFRONT_STATE_DIR": str(tmp_path / "state"),
        "WARMFRONT_DASHBOARD_PORT": str(page),
        "WARMFRONT_LOCAL_KAFKA_PORT": str(kafka),
        "WARMFRONT_LOCAL_REGISTRY_PORT": str(registry),
        "WARMFRONT_LOCAL_METRICS_PORT": "0",  # other tests may run beside
    }
    named = {"KAFKA_BOOTSTRAP_SERVERS", "WARMFRONT_REGISTRY_URL"}
    kept = {name: value for name, value in os.environ.items() if name not in named}
    warmfront = REPOSITORY / ".venv" / "bin" / "warmfront"
    log = tmp_path / "up.log"
    standing = Standing(tmp_path / "state")
    with log.open("wb") as out:
        up = subprocess.Popen(
            [warmfront, "up", "--trace", trace, "--no-collect"], cwd=REPOSITORY, stdout=out,
            stderr=subprocess.STDOUT, env={**kept, **environment}, start_new_session=True,
        )  # fmt: skip
    try:

        def main_job_is_done() -> bool:
            assert up.poll() is None, log.read_text()[-3000:]
            known = standing.known = summary(page)
            counts = known["counts"]
            return (
                counts.get("predictions.programs", 0) >= 300
                and counts.get("forecasts.demand", 0) > 0
                and any(status["reason"] for status in known["reserve"])
                and counts.get("allocation.events", 0) > 0
                and was_assigned(kafka, registry, tmp_path / "reader")
            )

        wait_for(main_job_is_done, standing, 1_200)
        assert interrupted(up, 240, children_s=60) == 0, standing
    finally:
        if up.poll() is None:
            spawn.kill(up)


def test_up_says_what_is_wrong_with_a_missing_trace() -> None:
    command = Deployment(Settings()).command("up", "--trace", "no-such-file.csv")
    run = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert "no file no-such-file.csv" in run.stderr
