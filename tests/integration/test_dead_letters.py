"""Messages that can't be used land in the dead letters; their neighbours are not disturbed."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from schemas.records import Activity, ActivityBatch
from schemas.topics import PREDICTIONS_PROGRAMS, TELEMETRY_ACTIVITY, dead_letters
from tests.testkit.pipeline import REPOSITORY, Deployment, deployed
from tests.testkit.telemetry import read_all

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1200)]

START_MS = 1_750_000_000_000


def batch(user: str, seq: int) -> ActivityBatch:
    event = Activity(seq=seq, time=START_MS + seq * 1000, kind="LAUNCH", program="mail")
    return ActivityBatch(user=user, host="h", source=f"s-{user}", events=[event])


def send(deployment: Deployment, messages: list[tuple[bytes, bytes | None]]) -> None:
    producer = Producer({"bootstrap.servers": deployment.settings.bootstrap_servers})
    for key, value in messages:
        producer.produce(
            deployment.settings.topic("telemetry.activity"), value, key, 0, headers=[("h", b"kept")]
        )
    assert producer.flush(60) == 0


def once(letters: list[Any]) -> list[Any]:
    """Letters without the repeats of a worker that was started again, by where they came from."""
    origin = [f"__connect.errors.{name}" for name in ("topic", "partition", "offset")]
    told = {tuple(dict(m.headers())[name] for name in origin): m for m in letters}
    return list(told.values())


def test_poison_is_buried_with_its_reason_and_neighbours_go_on(
    kafka_bootstrap: str, registry_url: str, topic_prefix: str, tmp_path: Path
) -> None:
    with deployed(kafka_bootstrap, registry_url, topic_prefix, tmp_path) as deployment:
        codec = deployment.codec
        good = [codec.encode(TELEMETRY_ACTIVITY, batch("ada", seq)) for seq in range(4)]
        poison = [
            (b"ada", b"no avro at all"),
            (b"ada", None),
            (b"ada", good[0][:-3]),
            (b"ada", b"\x00\x7f\xff\xff\xff" + good[0][5:]),
            (b"eve", good[0]),
            (b"ada", good[0] + b"tail"),
        ]
        mixed = [m for pair in zip(poison, [(b"ada", g) for g in good], strict=False) for m in pair]
        send(deployment, [*mixed, *poison[4:]])
        deployment.start_worker()

        def all_predicted() -> bool:
            return len(deployment.records(PREDICTIONS_PROGRAMS)) >= len(good)

        buried = deployment.settings.topic(dead_letters(TELEMETRY_ACTIVITY).name)
        deployment.wait_for(all_predicted, "predictions of the good neighbours")
        deployment.wait_for(
            lambda: len(once(read_all(kafka_bootstrap, buried))) >= len(poison), "dead letters"
        )
        letters = once(read_all(kafka_bootstrap, buried))
        assert sorted((m.key(), m.value() or b"") for m in letters) == sorted(
            (key, value or b"") for key, value in poison
        )
        for letter in letters:
            headers = dict(letter.headers())
            assert headers["h"] == b"kept"
            assert headers["__connect.errors.topic"].endswith(b"telemetry.activity")
            assert headers["__connect.errors.exception.message"]
        listed = subprocess.run(
            deployment.command("dlq", "list", "--json"), cwd=REPOSITORY, capture_output=True,
            text=True, check=False, env={**os.environ, **deployment.environment},
        )  # fmt: skip
        assert listed.returncode == 0, listed.stderr
        assert len({row["from"] for row in json.loads(listed.stdout)}) == len(poison)
