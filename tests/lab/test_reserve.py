"""Fifty warm instances are kept through kills of the allocator, of a compute and of the API."""

import json
import sys
import time
from pathlib import Path

import pytest

from infra.openstack_lab import control
from infra.openstack_lab.furnishing import IMAGE, WIRED
from schemas.settings import Settings
from tests.lab.conftest import wait_until
from tests.lab.deployment import Deployment
from tests.lab.owned import Owned
from tests.lab.watch import Watch, watching
from tests.testkit.pipeline import Waited

# Ports cost Neutron as much time as all the rest, so most are without; these few have some.
PLAIN, PORTED = 45, 4
LONE = 1  # of a pool that loses all it has with one host
WARM = PLAIN + PORTED + LONE
POOL = "office"
REPORT = Path("reports/lab-reserve.json")
# On two quiet cores 50 launches take 40 s; this is for busy ones.
PATIENCE_S = 900
# A kill amid the launches leaves some of unknown outcome: the shortest time that they may count.
GIVE_UP = ("--give-up-s", "100")
SWEPT_S = 300


def pools(plain: int, ported: int, lone: int) -> str:
    """Return a pools file that keeps so many warm."""
    common = f'flavor = "tiny"\nimage = "{IMAGE}"\n'
    return (
        f'[pool.{POOL}]\nprograms = ["mail"]\n{common}network = "none"\n'
        f"min_instances = {plain}\nmax_instances = {plain}\ncap = 70\n"
        f'[pool.wired]\nprograms = ["calls"]\n{common}network = "{WIRED}"\n'
        f'qos_policy = "warm-10m"\nmin_instances = {ported}\nmax_instances = {ported}\ncap = 6\n'
        f'[pool.lone]\nprograms = ["atlas"]\n{common}network = "none"\n'
        f"min_instances = {lone}\nmax_instances = {lone}\ncap = 3\n"
        f"[pool.default]\n{common}max_instances = 0\ncap = 0\n"
    )


@pytest.fixture
def deployment(lab, owner, owned, tmp_path, kafka_bootstrap, registry_url) -> Deployment:
    (tmp_path / "state").mkdir()
    settings = Settings(
        bootstrap_servers=kafka_bootstrap, registry_url=registry_url, topic_prefix=f"{owner}.",
        state_dir=tmp_path / "state", pools_file=tmp_path / "pools.toml",
    )  # fmt: skip
    settings.pools_file.write_text(pools(PLAIN, PORTED, LONE))
    made = Deployment(lab, settings, POOL, GIVE_UP)
    yield made
    made.stop()


@pytest.fixture
def reserve(lab, deployment, owned) -> "Reserve":
    with watching(Watch(Owned(control.connect(lab, "lab-admin"), owned.owner))) as watch:
        yield Reserve(deployment, owned, watch)


class Reserve:
    """The deployment's reserve as the cloud has it."""

    def __init__(self, deployment, owned, watch) -> None:
        self.deployment = deployment
        self.owned = owned
        self.watch = watch
        self.took_s: dict[str, float] = {}
        self.asked = 0

    def wait_whole(self, what: str, leased: int, without: str = "") -> None:
        """Wait until there are as many running instances as shall be, none on a dead host."""
        first_look = self.watch.next_look()
        self._wait(
            what,
            lambda: self.watch.looks >= first_look and self.watch.warm(without) == WARM + leased,
        )

    def wait_gone(self) -> None:
        """Wait until the allocator itself has ended all it made."""
        self._wait("the end of all", lambda: not self.owned.servers())

    def ask(self, count: int) -> list[str]:
        """Ask for instances."""
        names = [f"r-{self.asked + n}" for n in range(count)]
        self.asked += count
        for name in names:
            self.deployment.ask(name)
        return names

    def wait_assigned(self, names: list[str], timeout_s: float = 300) -> None:
        wanted = set(names)
        what = Waited(f"answers to {names}", self.deployment.tail)
        wait_until(lambda: wanted <= set(self.deployment.assigned()), timeout_s, what)

    def _wait(self, what: str, holds) -> None:
        started_s = time.monotonic()
        try:
            wait_until(lambda: self.deployment.supervise() or holds(), PATIENCE_S, what)
        except AssertionError as error:
            told = f"{self.owned.hosts()}\n{self.watch.curve[-20:]}\n{self.deployment.tail()}"
            raise AssertionError(f"{error}: {told}") from None
        self.took_s[what] = round(time.monotonic() - started_s, 1)


@pytest.mark.timeout(3000)
def test_fifty_stay_warm_whatever_is_killed_and_nothing_leaks(lab, reserve) -> None:
    deployment, owned = reserve.deployment, reserve.owned
    deployment.start()
    # Killed amid the launches: what was asked for and not answered is found by its tag.
    wait_until(lambda: len(owned.servers()) >= 10, PATIENCE_S, Waited("launches", deployment.tail))
    deployment.kill()
    deployment.start()
    reserve.wait_whole("the start and a kill amid it", leased=0)

    # Killed with requests in flight: each is answered once.
    names = reserve.ask(3)
    deployment.kill()
    names += reserve.ask(2)
    deployment.start()
    reserve.wait_assigned(names)
    reserve.wait_whole("a kill of the allocator", leased=5)
    victim = lose_a_host(lab, reserve)
    lose_the_api(lab, reserve)

    answers = deployment.assigned()
    assert {name: len(found) for name, found in answers.items()} == dict.fromkeys(answers, 1)
    held = [next(iter(found)) for found in answers.values()]
    assert len(set(held)) == len(held), "two leases on an instance"
    there = {server.id for server in owned.servers()}
    assert set(held) <= there, "an assigned instance is gone"
    assert len({server.name for server in owned.servers()}) == len(there), "two of one intent"
    assert deployment.kills >= 2
    end_all(reserve, list(answers))
    report(reserve, victim)


def lose_a_host(lab, reserve) -> str:
    """Kill a compute host; its warm instances are replaced elsewhere.

    It is the one that all of a pool's instances are on: only other pools tell that hosts are well.
    """
    (victim,) = reserve.owned.hosts("lone")
    leased = {next(iter(x)) for x in reserve.deployment.assigned().values()}
    control.kill_compute(lab, victim)
    on_victim = [s for s in reserve.owned.servers() if s.compute_host == victim]
    kept = sum(server.id in leased for server in on_victim)
    # Those that are leased stay: their guests may well run on.
    reserve.wait_whole("a kill of a compute host", leased=len(leased) - kept, without=victim)
    control.start_compute(lab, victim)
    wait_until(
        lambda: len(reserve.owned.servers()) == WARM + len(leased), PATIENCE_S, "no more than that"
    )
    return victim


def lose_the_api(lab, reserve) -> None:
    """Kill the compute API: what is warm is still assigned, and later replaced."""
    leased = len(reserve.deployment.assigned())
    control.kill_nova_api(lab)
    started_s = time.monotonic()
    reserve.wait_assigned(reserve.ask(3))
    reserve.took_s["three answers in an outage"] = round(time.monotonic() - started_s, 1)
    control.start_nova_api(lab)
    reserve.wait_whole("an outage of the API", leased=leased + 3)


def end_all(reserve: Reserve, requests: list[str]) -> None:
    """Let the allocator itself give everything back: what it forgot would stay."""
    deployment, owned = reserve.deployment, reserve.owned
    ever = {server.id for server in owned.servers()}
    # A port is swept two minutes after it was made, once two listings agree.
    wait_until(lambda: len(owned.ports()) == PORTED, SWEPT_S, "no port without its instance")
    deployment.stop()
    deployment.settings.pools_file.write_text(pools(0, 0, 0))
    for request_id in requests:
        deployment.ask(request_id, "RELEASE")
    deployment.start()
    reserve.wait_gone()
    wait_until(lambda: not owned.ports(), SWEPT_S, "the last ports to go")
    assert not any(owned.claims(instance_id) for instance_id in ever), "placement holds claims"


def report(reserve: Reserve, victim: str) -> None:
    """Keep what was measured."""
    told = {"seconds": reserve.took_s, "host_lost": victim, "kills": reserve.deployment.kills}
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps({**told, "warm_by_second": reserve.watch.curve}, indent=1))
    sys.stdout.write(f"{told}\n")
