"""A worker dies once at every moment that the code names: nothing is lost, nothing counts twice."""

import signal
from pathlib import Path

import pytest
from confluent_kafka import Producer

from schemas.crash_points import FOLDER, WorkerPoint
from schemas.records import AnomalyObservation, ReserveStatus
from schemas.topics import ALERTS_ANOMALIES, ANOMALIES_OBSERVED, RESERVE_STATUS
from tests.testkit.crash_folder import CrashFolder
from tests.testkit.pipeline import Deployment, deployed, distinct, environment_number
from tests.testkit.under_fire import PROGRESS_S, SEED, START_S, UnderFire

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]

EVENTS = environment_number("WARMFRONT_CRASH_EVENTS", 1_500)
# Of so many moments one is struck, beginning with the seed's; the others need only be reached. A
# soak strikes at all.
ONE_IN = environment_number("WARMFRONT_CRASH_ONE_IN", 6)
PAUSES = 3  # how often sending waits until the worker has got on

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
    assert producer.flush(120) == 0


def give_up(deployment: Deployment, crashes: CrashFolder) -> None:
    """Let partitions go to another worker, now that there is something to give up."""
    crashes.allow(WorkerPoint.GIVEN_UP)
    deployment.start_worker()


def test_a_worker_may_die_at_every_named_moment(
    kafka_bootstrap: str, registry_url: str, topic_prefix: str, tmp_path: Path
) -> None:
    crashes = CrashFolder(tmp_path / "crashes", tuple(WorkerPoint), ONE_IN, SEED % ONE_IN)
    crashes.put_off(WorkerPoint.GIVEN_UP)  # the first start gives up the nothing that it has
    with deployed(kafka_bootstrap, registry_url, topic_prefix, tmp_path) as deployment:
        deployment.worker_environment = {FOLDER: str(crashes.folder)}
        deployment.forks = True
        deployment.start_worker()
        run = UnderFire("worker-crash-points", deployment, EVENTS)
        run.send(deployment.revive_workers, PAUSES)
        say_what_others_say(deployment)
        deployment.wait_for(lambda: not crashes.left(), crashes, PROGRESS_S)
        give_up(deployment, crashes)
        deployment.wait_for(lambda: not crashes.left(), crashes, PROGRESS_S)
        run.verify()
        alerts = deployment.records(ALERTS_ANOMALIES)
        codes = [worker.poll() for worker in deployment.workers]
        run.report(
            strikes=codes.count(-signal.SIGKILL), reached=len(WorkerPoint),
            struck=sorted(crashes.deadly), workers_started=len(codes),
        )  # fmt: skip
    assert codes.count(-signal.SIGKILL) == len(crashes.deadly) > 0
    told = {alert.alert_id for _, alert in alerts}
    assert len(distinct(alerts)) == len(told) > 0, "an alert that comes again says the same"
