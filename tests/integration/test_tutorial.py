"""The tutorial's commands run as they stand, in their order, in a folder of their own."""

import json
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from confluent_kafka import Producer

from schemas.records import DemandForecast, Step
from schemas.topics import FORECASTS_DEMAND
from streams.models.demand import LEVELS
from tests.testkit.pipeline import REPOSITORY, deployed

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1800)]
PAGE = (REPOSITORY / "docs/tutorial/first-forecast.md").read_text(encoding="utf-8")


def commands(kind: str) -> list[str]:
    """The commands of the page's shell blocks of a kind; those to be run at once have none."""
    blocks = re.findall(rf"```sh{kind}\n(.*?)```", PAGE, re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def run(command: str, folder: Path, **environment: str) -> str:
    (folder / ".venv").exists() or (folder / ".venv").symlink_to(REPOSITORY / ".venv")
    done = subprocess.run(
        shlex.split(command), cwd=folder, env={**os.environ, **environment}, check=False,
        capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_what_needs_no_pipeline(tmp_path: Path) -> None:
    told = {command: run(command, tmp_path) for command in commands("")}
    assert len(told) >= 3
    (scores,) = [json.loads(out) for command, out in told.items() if "backtest" in command]
    assert 0 < scores["top1"] <= scores["top3"] <= 1


def test_what_asks_the_pipeline(
    kafka_bootstrap: str, registry_url: str, topic_prefix: str, tmp_path: Path
) -> None:
    """With one forecast on the topic, as a running pipeline would put it there."""
    with deployed(kafka_bootstrap, registry_url, topic_prefix, tmp_path) as deployment:
        levels = list(LEVELS)
        forecast = DemandForecast(
            forecast_id="f", pool="office", resource="INSTANCES", unit="launches", made_at=0,
            horizon="DAY", step_s=3600, peak=levels, levels=levels, model="m",
            steps=[Step(time=hour * 3_600_000, quantiles=levels) for hour in range(24)],
        )  # fmt: skip
        producer = Producer({"bootstrap.servers": kafka_bootstrap})
        name = deployment.settings.topic(FORECASTS_DEMAND.name)
        producer.produce(name, deployment.codec.encode(FORECASTS_DEMAND, forecast), "office")
        assert producer.flush(60) == 0
        environment = {**deployment.environment, "COLUMNS": "200"}
        told = [run(command, tmp_path, **environment) for command in commands(" live")]
    assert "forecasts.demand" in told[0]
    assert "launches" in told[1]


def test_targets_of_make_exist() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    named = [command.split()[1] for command in commands(" (?:setup|up)")]
    assert named == ["setup", "run"]
    for target in named:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
