"""What an outside consumer of the topics computes after a replay is what the backtest says.

The consumer here uses plain fastavro and the registry's HTTP API, none of the project's code.
"""

import csv
import io
import json
import random
import struct
import subprocess
import sys
import urllib.request
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import fastavro
import pytest

from infra.local import spawn
from schemas.topics import FORECASTS_DEMAND, PREDICTIONS_PROGRAMS
from streams.pipeline.total import TOTAL
from tests.testkit.pipeline import REPOSITORY, Deployment, deployed, distinct
from tests.testkit.telemetry import read_all

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]

HOUR_MS = 3_600_000
START_S = 1_750_000_000 // 86_400 * 86_400
HOURS = 60
ROWS = 700
SEED = 7
# The first worker of a checkout compiles its models: three minutes on two quiet cores.
COMPILED_S = 1_500.0


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small recording: sequences that can be learnt, a daily cycle, whole seconds."""
    chance = random.Random(SEED)
    path = tmp_path_factory.mktemp("recording") / "launches.csv"
    follows = {"mail": "browser", "browser": "editor", "editor": "compiler", "compiler": "tests"}
    rows, current = [], {}
    weights = [4 if 8 <= hour % 24 <= 17 else 1 for hour in range(HOURS)]
    hours = sorted(chance.choices(range(HOURS), weights, k=ROWS))
    moments = sorted(START_S + hour * 3600 + chance.randrange(3600) for hour in hours)
    for moment in moments:
        user = f"user{chance.randrange(8)}"
        usual = follows.get(current.get(user, ""), "mail")
        current[user] = usual if chance.random() < 0.7 else chance.choice(list(follows))
        rows.append((user, moment, current[user]))
    with path.open("w", newline="") as out:
        csv.writer(out).writerows([("user", "time", "program"), *rows])
    return path


def backtest(name: str, *arguments: str) -> dict[str, Any]:
    """Run a backtest. The demand's scores begin at row 336, its --out at the first."""
    main = "import sys; from streams.cli import main; sys.argv[0] = 'warmfront'; main()"
    command = [sys.executable, "-c", main, "backtest", name, *arguments, "--json"]
    run = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert run.returncode == 0 or "scores begin at row" in run.stderr, run.stderr
    return dict(json.loads(run.stdout)) if run.returncode == 0 else {}


def outside_records(deployment: Deployment, topic: str) -> list[dict[str, Any]]:
    """Read a topic as any Avro consumer would."""
    registry = deployment.settings.registry_url

    @cache
    def schema(number: int) -> Any:
        with urllib.request.urlopen(f"{registry}/schemas/ids/{number}") as reply:
            return fastavro.parse_schema(json.loads(json.load(reply)["schema"]))

    found = []
    for message in read_all(
        deployment.settings.bootstrap_servers, deployment.settings.topic(topic)
    ):
        magic, number = struct.unpack(">bI", message.value()[:5])
        assert magic == 0
        found.append(
            fastavro.schemaless_reader(io.BytesIO(message.value()[5:]), schema(number), None)
        )
    return found


def seconds(moment: Any) -> float:
    return float(moment.timestamp())


def replayed(deployment: Deployment, recording: Path, *, kill: bool) -> None:
    deployment.start_worker()
    working = lambda: deployment.working_worker() is not None  # noqa: E731
    deployment.wait_for(working, "a worker with its models compiled", COMPILED_S)
    log = (deployment.settings.state_dir / "replay.log").open("wb")
    command = deployment.command("replay", str(recording), "--json", "--pace-timeout", "400")
    replay = spawn.spawn(command, output=log, env=deployment.environment, cwd=REPOSITORY)
    if kill:
        half_way = ROWS // 3

        def some_are_there() -> bool:
            topic = deployment.settings.topic("predictions.programs")
            return len(read_all(deployment.settings.bootstrap_servers, topic)) > half_way

        deployment.wait_for(some_are_there, "a third of the predictions", 600)
        deployment.kill_a_worker(random.Random(SEED))
    deployment.run_to_its_end(replay, 900)
    said = (deployment.settings.state_dir / "replay.log").read_text()
    report = json.loads(said.splitlines()[-1])
    assert report["pace_timeouts"] == 0, said


def scored_by_consumer(
    rows: list[tuple[str, float, str]], told: list[dict[str, Any]]
) -> tuple[int, int]:
    """Top-1 by the newest prediction made before each launch; a user's first is not scored."""
    by_user = defaultdict(dict)
    for prediction in told:
        by_user[prediction["user"]][prediction["prediction_id"]] = prediction
    made = {
        user: sorted((seconds(p["made_at"]), p["prediction_id"], p) for p in mine.values())
        for user, mine in by_user.items()
    }
    right = scored = 0
    seen = set()
    for user, moment, program in rows:
        if user in seen:
            scored += 1
            before = [p for at, _, p in made.get(user, []) if at < moment]
            best = before[-1]["candidates"][:1] if before else []
            right += [c["program"] for c in best] == [program]
        seen.add(user)
    return right, scored


def read_rows(recording: Path) -> list[tuple[str, float, str]]:
    with recording.open() as lines:
        return [(r["user"], float(r["time"]), r["program"]) for r in csv.DictReader(lines)]


def hourly_file(rows: list[tuple[str, float, str]], path: Path) -> list[float]:
    first, last = (int(at // 3600) for at in (rows[0][1], rows[-1][1]))
    counts = [0.0] * (last - first + 1)
    for _, moment, _ in rows:
        counts[int(moment // 3600) - first] += 1.0
    with path.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(("time", "value"))
        writer.writerows(((first + k) * 3600, count) for k, count in enumerate(counts))
    return counts


def errors_of_topic(
    told: list[dict[str, Any]], first_hour: int, counts: list[float]
) -> dict[int, dict[int, float]]:
    """Absolute error of the median by horizon and row, from forecasts.demand."""
    errors: dict[int, dict[int, float]] = {1: {}, 24: {}}
    for forecast in told:
        if (forecast["resource"], forecast["horizon"]) != ("INSTANCES", "DAY"):
            continue
        median = forecast["levels"].index(0.5)
        for step in (1, 24):
            at = forecast["steps"][step - 1]
            row = int(seconds(at["time"]) // 3600) - first_hour
            if row < len(counts):
                errors[step][row] = abs(at["quantiles"][median] - counts[row])
    return errors


@pytest.mark.parametrize(("partitions", "kill"), [(1, False), (4, True)])
def test_outside_consumer_agrees_with_the_backtest(
    kafka_bootstrap: str, registry_url: str, topic_prefix: str, tmp_path: Path, recording: Path,
    partitions: int, kill: bool,
) -> None:  # fmt: skip
    pools = tmp_path / "pools.toml"
    # The total waits for the pool that nobody uses too, whose word is that there was nothing.
    pools.write_text('[pool.default]\n[pool.idle]\nprograms = ["never-*"]\n')
    rows = read_rows(recording)
    with deployed(
        kafka_bootstrap, registry_url, topic_prefix, tmp_path, user_partitions=partitions
    ) as deployment:
        deployment.settings.pools_file = pools
        replayed(deployment, recording, kill=kill)
        columns = ("--user", "user", "--program", "program", "--time", "time")
        said = backtest("programs", str(recording), *columns)

        def all_predicted() -> bool:
            told = outside_records(deployment, "predictions.programs")
            return len({p["prediction_id"] for p in told}) >= ROWS

        deployment.wait_for(all_predicted, "all predictions")
        told = deployment.records(PREDICTIONS_PROGRAMS)
        offline = deployment.offline().outputs
        predicted = offline[PREDICTIONS_PROGRAMS.name]
        assert sorted(distinct(told)) == sorted(distinct(predicted)), (
            "each prediction is the fold's"
        )
        totals_are(deployment, offline[FORECASTS_DEMAND.name])
        right, scored = scored_by_consumer(
            rows, outside_records(deployment, "predictions.programs")
        )
        assert scored == said["scored"]
        assert abs(right / scored - said["top1"]) < 1e-9

        series, out = tmp_path / "series.csv", tmp_path / "out.csv"
        counts = hourly_file(rows, series)
        backtest("demand", str(series), "--time", "time", "--value", "value", "--out", str(out))
        deployment.wait_for(
            lambda: len(_errors(deployment, rows, counts)[1]) >= len(counts) - 1, "forecasts"
        )
        from_topic = _errors(deployment, rows, counts)
        compared = 0
        with out.open() as lines:
            for line in csv.DictReader(lines):
                step, row = int(line["horizon"]), int(line["row"])
                if row in from_topic.get(step, {}):
                    error = abs(float(line["q50"]) - counts[row])
                    assert abs(error - from_topic[step][row]) < 1e-9, (step, row)
                    compared += 1
        assert compared >= len(counts)


def totals_are(deployment: Deployment, offline: list[tuple[str, Any]]) -> None:
    """The next hour's totals are the fold's, and what an outsider adds up of the pools'."""
    wanted = distinct([told for told in offline if _is_total(told[1])])

    def on_topic() -> list[bytes]:
        told = deployment.records(FORECASTS_DEMAND)
        return distinct([one for one in told if _is_total(one[1])])

    deployment.wait_for(lambda: len(on_topic()) >= len(wanted), "the totals")
    assert on_topic() == wanted
    assert len(wanted) >= HOURS
    sums: dict[int, list[float]] = {}
    totals: dict[int, list[float]] = {}
    for one in outside_records(deployment, "forecasts.demand"):
        if (one["resource"], one["horizon"]) == ("INSTANCES", "HOUR"):
            where = totals if one["pool"] == TOTAL else sums
            where[round(seconds(one["made_at"]))] = one["means"]
    assert sums.keys() == totals.keys()
    for made_at, total in totals.items():
        assert total == pytest.approx(sums[made_at], abs=1e-5)


def _is_total(forecast: Any) -> bool:
    return (forecast.pool, forecast.horizon) == (TOTAL, "HOUR")


def _errors(deployment: Deployment, rows: list, counts: list[float]) -> dict[int, dict[int, float]]:
    told = outside_records(deployment, "forecasts.demand")
    return errors_of_topic(told, int(rows[0][1] // 3600), counts)
