"""The way between workers and broker is cut, slowed down and closed: it costs time only."""

import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from infra.local.broker import LocalKafka
from infra.local.ports import LOOPBACK, free_port
from tests.testkit.pipeline import Deployment, deployed, environment_number
from tests.testkit.tcp_proxy import TcpProxy
from tests.testkit.under_fire import UnderFire

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]

EVENTS = environment_number("WARMFRONT_CONNECTION_EVENTS", 2_500)
STRIKES = environment_number("WARMFRONT_CONNECTION_STRIKES", 3)
DELAY_S = 0.2
SLOW_S = 3.0
AWAY_S = 4.0


def cut(proxy: TcpProxy, deployment: Deployment) -> None:
    deployment.wait_for(lambda: proxy.cut() > 0, "somebody who is connected")


def slow_down(proxy: TcpProxy, deployment: Deployment) -> None:
    before = proxy.delayed
    proxy.delay_s = DELAY_S
    time.sleep(SLOW_S)
    deployment.wait_for(lambda: proxy.delayed > before, "somebody who says something")
    proxy.delay_s = 0.0


def take_away(proxy: TcpProxy, deployment: Deployment) -> None:
    """As a firewall that comes and goes: who was in is out, and nobody gets in."""
    before = proxy.refused
    proxy.is_refusing = True
    proxy.cut()
    time.sleep(AWAY_S)
    deployment.wait_for(lambda: proxy.refused > before, "somebody who tries to get in")
    proxy.is_refusing = False


FAULTS = (cut, slow_down, take_away)


def listeners(own: int, inner: int, outer: int, controller: int) -> Mapping[str, str]:
    """Two ways to the broker: the test's own, and one whose address is the proxy's."""
    protocols = {"PLAINTEXT": own, "PROXIED": inner, "CONTROLLER": controller}
    return {
        "listeners": ",".join(f"{name}://{LOOPBACK}:{port}" for name, port in protocols.items()),
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{own},PROXIED://{LOOPBACK}:{outer}",
        "listener.security.protocol.map": ",".join(f"{name}:PLAINTEXT" for name in protocols),
    }


def test_cuts_and_delays_lose_nothing(registry_url: str, topic_prefix: str, tmp_path: Path) -> None:
    own, inner, outer, controller = (free_port() for _ in range(4))
    ways = listeners(own, inner, outer, controller)
    kafka = LocalKafka(tmp_path / "kafka", own, controller_port=controller, settings=ways)
    state = tmp_path / "state"
    state.mkdir()
    done: list[str] = []
    with (
        kafka,
        TcpProxy(outer, inner) as proxy,
        deployed(kafka.bootstrap, registry_url, topic_prefix, state) as deployment,
    ):
        deployment.worker_environment["KAFKA_BOOTSTRAP_SERVERS"] = f"{LOOPBACK}:{outer}"
        deployment.start_worker()
        deployment.start_worker()
        deployment.wait_at_work(2)
        run = UnderFire("connections", deployment, EVENTS)

        def strike() -> None:
            fault = FAULTS[len(done) % len(FAULTS)]
            fault(proxy, deployment)
            done.append(fault.__name__)

        run.send(strike, STRIKES)
        run.verify()
        run.report(
            faults=done, cut=proxy.cuts, delayed=proxy.delayed, refused=proxy.refused,
            passed_bytes=proxy.passed_bytes, workers_started=len(deployment.workers),
        )  # fmt: skip
    assert len(done) == STRIKES >= len(FAULTS), "each fault has to come"
