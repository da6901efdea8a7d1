"""Workers come and go under load, 2 to 3 to 2: nothing is lost, and nobody waits for long."""

import signal
from pathlib import Path

import pytest

from tests.testkit.pipeline import START_S, Deployment, deployed, environment_number
from tests.testkit.under_fire import PROGRESS_S, UnderFire
from tests.testkit.waiting import waits_s

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]

EVENTS = environment_number("WARMFRONT_REBALANCE_EVENTS", 4_000)
# Each time one more comes and one goes.
REBALANCES = 2 * environment_number("WARMFRONT_REBALANCES", 1)
MINUTE_S = 0.4
STALL_S = 30.0  # the aim; 4.5 at a load of 9 on two cores, 18.2 the longest of a soak's ten


def working(deployment: Deployment) -> int:
    return sum(worker.poll() is None for worker in deployment.workers)


def join_or_leave(
    deployment: Deployment, *, joins: bool, sizes: list[int], codes: list[int | None]
) -> None:
    """Start a third worker, or tell the eldest of three to stop."""
    if joins:
        deployment.start_worker()
    else:
        codes.append(let_the_eldest_go(deployment))
    deployment.revive_workers()
    sizes.append(working(deployment))


def let_the_eldest_go(deployment: Deployment) -> int | None:
    """Stop the eldest of three; one that this machine's standing still ended did not leave."""
    while True:
        deployment.wait_at_work(3)
        eldest = next(worker for worker in deployment.workers if worker.poll() is None)
        eldest.send_signal(signal.SIGTERM)
        code = eldest.wait(START_S)
        if not deployment.stood_still(eldest):
            deployment.let_go(eldest)
            return code


def test_workers_that_come_and_go_cost_seconds(
    kafka_bootstrap: str, registry_url: str, topic_prefix: str, tmp_path: Path
) -> None:
    sizes: list[int] = []
    codes: list[int | None] = []
    with deployed(kafka_bootstrap, registry_url, topic_prefix, tmp_path) as deployment:
        deployment.start_worker()
        deployment.start_worker()
        deployment.wait_at_work(2)
        run = UnderFire("rebalance", deployment, EVENTS, MINUTE_S)

        def strike() -> None:
            joins = run.strikes % 2 == 0
            join_or_leave(deployment, joins=joins, sizes=sizes, codes=codes)

        run.send(strike, REBALANCES)
        run.verify()
        waits = waits_s(deployment)
        run.report(
            sizes=sizes, exit_codes=codes, longest_wait_s=waits[-1],
            median_wait_s=waits[len(waits) // 2], workers_started=len(deployment.workers),
        )  # fmt: skip
    assert sizes == [3, 2] * (REBALANCES // 2)
    assert codes == [0] * (REBALANCES // 2)
    # A worker that ended itself, as where this machine stood still, was waited for by a watchdog.
    none_ended = len(deployment.workers) == 2 + REBALANCES // 2
    assert waits[-1] < (STALL_S if none_ended else PROGRESS_S)
