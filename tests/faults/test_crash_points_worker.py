"""Workers die once at every moment that the code names: nothing is lost, nothing counts twice."""

import signal
from pathlib import Path

import pytest
from confluent_kafka import Producer

from schemas.crash_points import FOLDER, WorkerPoint
from schemas.records import AnomalyObservation, ReserveStatus
from schemas.topics import ANOMALIES_OBSERVED, RESERVE_STATUS
from tests.testkit.crash_folder import CrashFolder
from tests.testkit.pipeline import Deployment, deployed, environment_number
from tests.testkit.under_fire import PROGRESS_S, SEED, START_S, UnderFire

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1200)]

EVENTS = environment_number("WARMFRONT_CRASH_EVENTS", 1_500)
# Each dies at a moment of its own, so that the group waits for several dead members at once.
WORKERS = 4
# Of so many moments one is struck, the others need only be reached: each costs the group a session's
# timeout, 10 s. A soak strikes at all.
ONE_IN = environment_number("WARMFRONT_CRASH_ONE_IN", 3)
PAUSES = 5  # how often sending waits until the group has got on

POINT = AnomalyObservation(
    observation_id="test-0-0-0", subject="pool/office", kind="LEVEL", time=START_S * 1000,
    score=0.9, observed=9.0, expected_low=0.0, expected_high=1.0, what="The test says so.",
)  # fmt: skip
STATUS = ReserveStatus(
    pool="office", time=START_S * 1000, target=1, ready=1, building=0, leased=0, cap=2, hits=0,
    misses=0, hit_rate=1.0, target_hit_rate=0.9, idle_instance_hours=0.0, lead_time_s=1.0,
    reason="the test says so",
)  # fmt: skip


def say_what_others_say(deployment: Deployment) -> None:
    """A status of the allocator, a judged point, and one that is no Avro."""
    settings, codec = deployment.settings, deployment.codec
    producer = Producer({"bootstrap.servers": settings.bootstrap_servers})
    points = settings.topic(ANOMALIES_OBSERVED.name)
    producer.produce(points, codec.encode(ANOMALIES_OBSERVED, POINT), b"office")
    producer.produce(points, b"\x00 no Avro", b"office")
    status = codec.encode(RESERVE_STATUS, STATUS)
    producer.produce(settings.topic(RESERVE_STATUS.name), status, b"office")
    assert producer.flush(30) == 0


def test_a_worker_may_die_at_every_named_moment(
    kafka_bootstrap: str, registry_url: str, topic_prefix: str, tmp_path: Path
) -> None:
    crashes = CrashFolder(tmp_path / "crashes", tuple(WorkerPoint), ONE_IN, SEED % ONE_IN)
    with deployed(kafka_bootstrap, registry_url, topic_prefix, tmp_path) as deployment:
        deployment.worker_environment = {FOLDER: str(crashes.folder)}
        deployment.forks = True
        for _ in range(WORKERS):
            deployment.start_worker()
        run = UnderFire("worker-crash-points", deployment, EVENTS)
        run.send(deployment.revive_workers, PAUSES)
        say_what_others_say(deployment)
        deployment.wait_for(lambda: not crashes.left(), crashes, PROGRESS_S)
        run.verify()
        codes = [worker.poll() for worker in deployment.workers]
        run.report(
            strikes=codes.count(-signal.SIGKILL), reached=len(WorkerPoint),
            workers_started=len(codes),
        )  # fmt: skip
    assert codes.count(-signal.SIGKILL) == len(crashes.deadly) > 0
