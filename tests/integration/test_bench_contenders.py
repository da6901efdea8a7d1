"""What the throughput bench compares with works on a real broker."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from schemas.settings import Settings
from streams.cli import bench, build
from tests.bench.bench_profile import batches, events
from tests.bench.bench_throughput import EVERY_S, contended, deployment_of, send

# The others are in an environment of their own, which `make bench` installs.
IN_THIS_ENVIRONMENT = ("faust", "raw")


@pytest.mark.integration
@pytest.mark.parametrize("name", IN_THIS_ENVIRONMENT)
def test_contender_does_the_keyed_task_over_the_whole_log(
    name: str, kafka_bootstrap: str, registry_url: str
) -> None:
    log = batches(events(400, 20, every_s=EVERY_S))
    total = sum(len(batch.events) for batch in log)
    settings = Settings(bootstrap_servers=kafka_bootstrap, registry_url=registry_url)
    with deployment_of(settings) as deployment:
        rate = contended(name, deployment, send(deployment, log))
    assert rate is not None
    assert 0.5 * total < rate["events"] < total, "the first quarter is not counted"
    assert rate["events_per_cpu_s"] > 0


@pytest.mark.integration
def test_the_command_measures_a_piece_and_names_the_machine(
    kafka_bootstrap: str, registry_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka_bootstrap)
    monkeypatch.setenv("WARMFRONT_REGISTRY_URL", registry_url)
    words = ["bench", "stages", "--events", "800", "--users", "10", "--rounds", "1", "--json"]
    done = CliRunner().invoke(build(words), words)
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["machine"]["cpus"] >= 1
    (stages,) = report["pieces"]["stages"]
    assert all(stages[f"{name}, us/event"] > 0 for name in ("decode", "fold", "encode state"))


def test_without_a_checkout_the_command_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "CHECKOUT", tmp_path)
    done = CliRunner().invoke(build(["bench"]), ["bench"])
    assert (done.exit_code, "are in the checkout" in done.stderr) == (2, True)
