"""Somebody sets the machine's clock: what lasts is measured by another."""

import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource

from allocator.clock import NEAR_MS, PartitionClock
from schemas.steady_clock import LEANING, SteadyClock
from streams.models.anomaly.silence import SilenceWatch
from streams.runtime.app import changelog
from tests.testkit.pipeline import deployed, environment_number
from tests.testkit.under_fire import UnderFire

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]

EVENTS = environment_number("WARMFRONT_CLOCK_EVENTS", 4_000)
JUMPS = environment_number("WARMFRONT_CLOCK_JUMPS", 3)
# Where the workers' clocks stand, one after the other: ahead, behind, right.
STANDS_S = (86_400, -90_000, 0)
SETTING_S = 0.5
DAY_S = 86_400.0
NOW_S = 1_750_000_000.0


@dataclass
class Machine:
    """A machine's two clocks."""

    wall_s: float = NOW_S
    monotonic_s: float = 5.0

    def pass_by(self, seconds: float) -> None:
        self.wall_s += seconds
        self.monotonic_s += seconds

    def clock(self) -> SteadyClock:
        return SteadyClock(lambda: self.wall_s, lambda: self.monotonic_s)


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.mark.parametrize("jump_s", [DAY_S, -DAY_S, 3600.0, -3600.0])
def test_a_jump_there_and_back_moves_it_by_seconds(machine: Machine, jump_s: float) -> None:
    clock = machine.clock()
    machine.wall_s += jump_s
    for _ in range(60):
        machine.pass_by(1.0)
        clock()
    machine.wall_s -= jump_s
    assert abs(clock() / 1000 - machine.wall_s) <= 60 * LEANING + 0.01


@pytest.mark.parametrize("jump_s", [600.0, -600.0])
def test_a_correction_that_lasts_is_followed_and_time_never_goes_back(
    machine: Machine, jump_s: float
) -> None:
    clock = machine.clock()
    machine.wall_s += jump_s
    read = []
    for _ in range(round(600 / LEANING) + 60):
        machine.pass_by(1.0)
        read.append(clock())
    assert read == sorted(read)
    assert abs(read[-1] / 1000 - machine.wall_s) < 0.01


@pytest.mark.parametrize("jump_s", [DAY_S, -DAY_S])
def test_the_allocators_leases_last_as_long_as_before(machine: Machine, jump_s: float) -> None:
    """The wall alone made a day of a second, or let no second pass for a day afterwards."""
    clock = PartitionClock("wall", machine.clock())
    began_ms = clock.now_ms()
    machine.wall_s += jump_s
    machine.pass_by(30.0)
    assert abs(clock.now_ms() - began_ms - 30_000) <= 3_000
    machine.wall_s -= jump_s
    machine.pass_by(30.0)
    assert abs(clock.now_ms() - began_ms - 60_000) <= 6_000


@pytest.mark.parametrize("mode", ["wall", "auto"])
def test_a_client_whose_clock_is_a_day_ahead_sets_no_other(machine: Machine, mode: str) -> None:
    clock = PartitionClock(mode, machine.clock())
    clock.saw(round((NOW_S + DAY_S) * 1000))
    machine.pass_by(10.0)
    assert clock.is_live
    assert clock.now_ms() == round((NOW_S + 10) * 1000)


def test_a_replay_still_follows_its_events(machine: Machine) -> None:
    clock = PartitionClock("auto", machine.clock())
    clock.saw(5_000)
    clock.saw(4_000)
    assert not clock.is_live
    assert clock.now_ms() == 5_000
    clock.saw(round(NOW_S * 1000) - NEAR_MS + 1)
    assert clock.is_live


def test_nobody_looks_missed_because_the_clock_was_set(machine: Machine) -> None:
    clock, watch = machine.clock(), SilenceWatch()
    for _ in range(0, 7200, 10):
        machine.pass_by(10.0)
        watch.heard("partition-0", clock())
    machine.wall_s += DAY_S
    machine.pass_by(60.0)
    assert watch.missed(round(machine.wall_s * 1000)), "by the wall somebody would be"
    watch = SilenceWatch.from_bytes(watch.to_bytes())
    watch._checked_ms = 0
    assert watch.missed(clock()) == []


def time_of(bootstrap: str, topic: str) -> str:
    """Whose time the broker puts on a topic's messages."""
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
    admin = AdminClient({"bootstrap.servers": bootstrap})
    config = admin.describe_configs([resource])[resource].result(60)
    return str(config["message.timestamp.type"].value)


def test_workers_whose_clocks_jump_do_as_those_whose_do_not(
    kafka_bootstrap: str, registry_url: str, topic_prefix: str, tmp_path: Path
) -> None:
    file = tmp_path / "clock"
    with deployed(kafka_bootstrap, registry_url, topic_prefix, tmp_path) as deployment:
        deployment.program = ("-m", "tests.testkit.set_clock", str(file))
        deployment.start_worker()
        deployment.start_worker()
        run = UnderFire("clock-jumps", deployment, EVENTS)

        def seen() -> int:
            said = (deployment.said(worker) for worker in deployment.workers)
            return sum(text.count("the clock was set") for text in said)

        def jump() -> None:
            before = seen()
            file.write_text(str(STANDS_S[run.strikes % len(STANDS_S)]))
            time.sleep(SETTING_S)
            deployment.wait_for(lambda: seen() > before, "a worker whose clock was set")

        run.send(jump, JUMPS)
        run.verify()
        run.report(seen=seen(), workers_started=len(deployment.workers))
        saved = time_of(kafka_bootstrap, changelog(deployment.settings, "users"))
        assert seen() >= JUMPS
    assert saved == "LogAppendTime", "a worker whose clock is ahead could not save"
