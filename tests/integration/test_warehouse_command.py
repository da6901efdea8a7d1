"""docs/how-to/warehouse.md as it stands: `warehouse up` beside a pipeline, and what one asks."""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from confluent_kafka import Producer

from infra.local import spawn
from infra.local.ports import free_port
from schemas.records import AnomalyAlert
from schemas.topics import ALERTS_ANOMALIES
from tests.testkit.documented import in_blocks
from tests.testkit.pipeline import REPOSITORY, Deployment, deployed, wait_for
from tests.testkit.processes import interrupted

pytestmark = [pytest.mark.integration, pytest.mark.timeout(2400)]
PAGE = REPOSITORY / "docs/how-to/warehouse.md"
WARMFRONT = str(REPOSITORY / ".venv/bin/warmfront")
UP, SQL, PLUGINS, SINKS = ([WARMFRONT, *told.words] for told in in_blocks(PAGE))


@pytest.fixture
def deployment(kafka_bootstrap: str, registry_url: str, topic_prefix: str) -> Iterator[Deployment]:
    folder = Path(tempfile.mkdtemp(prefix="warmfront-house-"))  # pytest's own is closed to nobody
    folder.chmod(0o755)
    try:
        with deployed(kafka_bootstrap, registry_url, topic_prefix, folder) as made:
            yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish(deployment: Deployment, number: int) -> None:
    alert = AnomalyAlert(
        alert_id=f"a{number}", incident_id=f"i{number}", subject="office", kind="demand",
        severity="WARNING", started_at=1_763_942_400_000, observed=9.0, expected_low=1.0,
        expected_high=3.0, evidence="{}",
    )  # fmt: skip
    producer = Producer({"bootstrap.servers": deployment.settings.bootstrap_servers})
    name = deployment.settings.topic(ALERTS_ANOMALIES.name)
    producer.produce(name, deployment.codec.encode(ALERTS_ANOMALIES, alert), "office")
    assert producer.flush(60) == 0


def ask(url: str, sql: str) -> list[tuple[object, ...]]:
    """The rows of the last statement; none while the database or its tables are on their way."""
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(sql)
            while cursor.nextset():
                pass
            return cursor.fetchall()
    except (psycopg.OperationalError, psycopg.errors.UndefinedTable):
        return []


def output(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_up_carries_alerts_into_tables_until_it_is_stopped(deployment: Deployment) -> None:
    port = free_port()
    environment = {
        **os.environ, **deployment.environment, "WARMFRONT_WAREHOUSE_PORT": str(port),
    }  # fmt: skip
    log = deployment.settings.state_dir / "up.log"
    publish(deployment, 1)
    with log.open("wb") as out:
        up = subprocess.Popen(
            UP, cwd=REPOSITORY, env=environment, stdout=out, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
    try:
        text = PAGE.read_text(encoding="utf-8")
        (told,) = re.findall(r"`(postgresql://postgres@127\.0\.0\.1:25432/\w+)`", text)
        url = told.replace(":25432/", f":{port}/")

        def landed(alert_id: str) -> bool:
            assert up.poll() is None, log.read_text()[-3000:]
            return ("office",) in ask(
                url, f"SELECT subject FROM alerts WHERE alert_id='{alert_id}'"
            )

        wait_for(lambda: landed("a1"), "the alert that was there before", 500)
        publish(deployment, 2)
        wait_for(lambda: landed("a2"), "the alert that came", 400)
        for block in re.findall(r"```sql\n(.*?)```", text, re.DOTALL):
            ask(url, block)
        assert ask(url, "SELECT pool, per_hour FROM pool_prices") == [("office", 0.12)]
        sql = output(SQL)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(sql)  # again: it changes nothing
        assert len(ask(url, "SELECT * FROM incidents")) == 2
        assert interrupted(up, 240, children_s=60) == 0, log.read_text()[-3000:]
    finally:
        if up.poll() is None:
            spawn.kill(up)


def test_sinks_are_printed_for_another_connect() -> None:
    made = json.loads(output(SINKS))
    assert len(made) == 5
    for config in made.values():
        assert config["connection.password"] == SINKS[-1]
        assert config["connection.url"] == "jdbc:postgresql://db:5432/warmfront"


def test_plugins_fill_a_folder(tmp_path: Path) -> None:
    assert PLUGINS[-1] == "/opt/connect/plugins"
    folder = tmp_path / "plugins"
    output([*PLUGINS[:-1], str(folder)])
    assert [jar.name for jar in folder.rglob("debezium-connector-jdbc-*.jar")] != []
