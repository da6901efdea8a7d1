"""The how-to pages' commands run as they stand, on a real broker with something to show.

What runs until it is stopped, or has to do with another machine, is run by the tests named here.
"""

import csv
import gzip
import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from confluent_kafka import Producer
from typer.testing import CliRunner

from schemas.records import AnomalyAlert, GroupProfile, UserProfile
from schemas.topics import ALERTS_ANOMALIES, PROFILES_GROUPS, PROFILES_USERS, Topic
from streams.cli import build
from tests.testkit.documented import PAGES, REPOSITORY, Documented, in_blocks
from tests.testkit.pipeline import Deployment, deployed

pytestmark = pytest.mark.integration
ELSEWHERE = {
    "acls allocator --principal": "tests/integration/test_access.py",
    "acls worker --principal": "tests/integration/test_access.py",
    "alerts --follow": "tests/integration/test_alerts_out.py",
    "alert-sink": "tests/integration/test_alerts_out.py",
    "allocator": "tests/lab/deployment.py",
    "collect": "tests/integration/test_collect.py",
    "dashboard": "tests/browser/test_page.py",
    "forget": "tests/integration/test_forget.py",
    "warehouse": "tests/integration/test_warehouse_command.py",
    "worker": "tests/testkit/pipeline.py",
}
TOLD = [command for page in PAGES for command in in_blocks(page)]


def elsewhere(told: Documented) -> str | None:
    line = " ".join(told.words)
    return next((file for begin, file in ELSEWHERE.items() if line.startswith(begin)), None)


HERE = [told for told in TOLD if elsewhere(told) is None and told.page != "first-forecast.md"]
EVENTS = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:t
BEGIN:VEVENT
UID:release
DTSTART:20301014T100000Z
DURATION:PT2H
SUMMARY:Release
X-UPLIFT:3
END:VEVENT
END:VCALENDAR
"""
SWF = "; UnixStartTime: 1700000000\n" + "".join(
    f"{n} {n * 30} 5 60 1 -1 -1 1 -1 -1 1 {n % 3} 1 {n % 2} 1 1 -1 -1\n" for n in range(1, 20)
)


def write_files(folder: Path) -> None:
    """The recordings that the pages take for granted, each within an hour."""
    (folder / "events.ics").write_text(EVENTS)
    (folder / "jobs.swf").write_text(SWF)
    with (folder / "load.csv").open("w", newline="") as out:
        csv.writer(out).writerows([("time", "cpu"), *((1.7e9 + n * 60, n) for n in range(30))])
    for name, columns in (
        ("apps.csv.gz", ("who", "app", "at", "user", "program", "timestamp")),
        ("jobs.csv.gz", ("user", "program", "time", "run_s")),
        ("nab_series.csv.gz", ("series", "timestamp", "value")),
    ):
        with gzip.open(folder / name, "wt", newline="") as out:
            table = csv.DictWriter(out, columns)
            table.writeheader()
            table.writerows({c: value(c, n) for c in columns} for n in range(60))


def value(column: str, number: int) -> object:
    if column == "series":
        return "realKnownCause/machine_temperature_system_failure"
    if column in {"who", "user"}:
        return f"user{number % 2}"
    if column in {"app", "program"}:
        return ("mail", "editor", "compiler")[number // 2 % 3]
    return 30 if column == "run_s" else 1_700_000_000 + 20 * number


@pytest.fixture(scope="module")
def deployment(
    kafka_bootstrap: str, registry_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("docs")
    write_files(folder)
    with deployed(kafka_bootstrap, registry_url, f"d{time.time_ns()}.", folder) as made:
        now = round(time.time() * 1000)
        alert = AnomalyAlert(
            alert_id="a1", incident_id="ID", subject="office", kind="demand", severity="WARNING",
            started_at=now, observed=9.0, expected_low=1.0, expected_high=3.0, evidence="{}",
        )  # fmt: skip
        ada = UserProfile(
            user="ada", updated_at=now, launches=1, zone="UTC", week_rates=[0.1] * 168,
            programs=[], sequences=[], presence_24h=[0.5] * 24,
        )  # fmt: skip
        group = GroupProfile(group="all", updated_at=now, floor=5, users=5, sequences=[])
        publish(made, ALERTS_ANOMALIES, "office", alert)
        publish(made, PROFILES_GROUPS, "all", group)
        publish(made, PROFILES_USERS, "ada", ada)
        yield made


def publish(deployment: Deployment, topic: Topic, key: str, record: object) -> None:
    producer = Producer({"bootstrap.servers": deployment.settings.bootstrap_servers})
    name = deployment.settings.topic(topic.name)
    producer.produce(name, deployment.codec.encode(topic, record), key)
    assert producer.flush(60) == 0


@pytest.fixture
def own_logging() -> Iterator[None]:
    """A command logs to its own standard error, which is closed after it."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.mark.usefixtures("own_logging")
@pytest.mark.parametrize("told", HERE, ids=str)
def test_it_runs_as_it_stands(
    told: Documented, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(deployment.settings.state_dir)
    own = f"{deployment.settings.topic_prefix}old."  # the broker may be shared
    variables = {name: own if text == "old." else text for name, text in told.variables}
    # No worker runs that could close an hour: what replays wait for it is tested elsewhere.
    always = {**deployment.environment, "COLUMNS": "200", "WARMFRONT_PACE_TIMEOUT_S": "0.5"}
    for name, text in {**always, **variables}.items():
        monkeypatch.setenv(name, text)
    words = [own if word == "old." else word for word in told.words]
    done = CliRunner().invoke(build(words), words, prog_name="warmfront")
    assert done.exit_code == 0, done.output + repr(done.exception)
    for option, made in itertools.pairwise(words):
        if option in {"--out", "--plot"}:
            assert Path(made).stat().st_size > 0


def test_the_others_are_run_by_the_tests_named() -> None:
    assert len(HERE) >= 12
    for told in TOLD:
        if file := elsewhere(told):
            text = (REPOSITORY / file).read_text(encoding="utf-8")
            assert f'"{told.words[0]}"' in text or f"/{told.page}" in text, told
