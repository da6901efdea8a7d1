"""What the throughput bench compares with works on a real broker."""

import pytest

from schemas.settings import Settings
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
