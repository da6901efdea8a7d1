"""First steps run over SSH on the lab's instances, at the addresses that Neutron gave them.

Nova, Neutron, Kafka and the allocator's process are real; servers on this machine stand in for the
guests, with the host keys that the console tells (tests/lab/guests.py).
"""

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path

import asyncssh
import pytest

from infra.local.ports import free_port
from infra.openstack_lab.furnishing import CIDRS, IMAGE, NETWORK
from schemas.records import AllocationEvent, ShadowEvent
from schemas.settings import Settings
from schemas.shadow import load_shadow
from tests.lab.conftest import wait_until
from tests.lab.deployment import Deployment
from tests.lab.guests import Boot, Guests, serving

POOL = "office"
WARM = 3
PATIENCE_S = 400
# Nothing that depends on what a lab's second is worth: steps pay if they save anything at all.
SHADOW = """
[ssh]
username = "shadow"
key_file = "{key_file}"
port = {port}

[terms]
minutes_per_hour = 6000.0
at_once = 3
leave_ready = 0
price_s = 0.001
loss_limit_s = 1e9

[[step]]
id = "mail/warm"
programs = ["mail*"]
argv = ["sh", "-c", "sleep 1; echo warm > prepared"]
saves_s = 20.0

[[step]]
id = "mail/licence"
programs = ["mail*"]
argv = ["touch", "licence"]
effect = "external"
undo = ["touch", "returned"]
saves_s = 10.0
"""
# No more than are warm: whoever comes takes one of these, or waits for one.
POOLS = f"""
[pool.{POOL}]
programs = ["mail"]
flavor = "tiny"
image = "{IMAGE}"
network = "{NETWORK}"
min_instances = {WARM}
max_instances = {WARM}
cap = {WARM}

[pool.default]
flavor = "tiny"
image = "{IMAGE}"
max_instances = 0
cap = 0
"""
PROGRAMS = """
[program."mail*"]
start = ["sh", "-c", "echo started from $(cat prepared || echo nothing) > session; sleep 5"]
"""
STEPS = [
    "exec timeout -s KILL 30 sh -c 'sleep 1; echo warm > prepared'",
    "exec timeout -s KILL 30 touch licence",
]
UNDO = "exec timeout -s KILL 30 touch returned"


@pytest.fixture
def settings(tmp_path, owner, kafka_bootstrap, registry_url) -> Settings:
    key_file = tmp_path / "client_key"
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(str(key_file))
    for name, text in (
        ("shadow.toml", SHADOW.format(key_file=key_file, port=free_port())),
        ("programs.toml", PROGRAMS),
        ("pools.toml", POOLS),
    ):  # fmt: skip
        (tmp_path / name).write_text(text)
    (tmp_path / "state").mkdir()
    return Settings(
        bootstrap_servers=kafka_bootstrap, registry_url=registry_url, topic_prefix=f"{owner}.",
        state_dir=tmp_path / "state", pools_file=tmp_path / "pools.toml",
        shadow_file=tmp_path / "shadow.toml", programs_file=tmp_path / "programs.toml",
    )  # fmt: skip


@pytest.fixture
def guests(lab, settings) -> Iterator[Guests]:
    plan = load_shadow(settings.shadow_file)
    with serving(Guests(lab, Path(plan.ssh.key_file), plan.ssh.port)) as found:
        yield found


@pytest.fixture
def office(lab, settings, owned, guests) -> Iterator["Office"]:
    office = Office(Deployment(lab, settings, POOL, ("--runner", "ssh")), guests)
    office.deployment.start()
    yield office
    office.deployment.stop()


class Office:
    """People, and what becomes of their requests."""

    def __init__(self, deployment: Deployment, guests: Guests) -> None:
        self.deployment = deployment
        self.guests = guests

    def prepare_for(self, user: str) -> Boot:
        """Let an instance be prepared for somebody."""
        return self.guests.now(str(self.run_for(user, "PREPARED").instance_id))

    def run_for(self, user: str, kind: str) -> ShadowEvent:
        """Let somebody's next program be likely until a run for it comes to an end of a kind."""

        def ended() -> ShadowEvent | None:
            told = self.shadows(user)
            if not told:
                self.deployment.foretell(user, 0.9)
            return next((e for e in told if e.kind == kind), None)

        return self.wait(ended, f"a run for {user} to be {kind}")

    def ask(self, user: str) -> str:
        """Ask for an instance in somebody's name; the request is named so too."""
        self.deployment.ask(f"r-{user}", user=user)
        return user

    def event(self, user: str, kind: str) -> AllocationEvent:
        """Wait for what is told about somebody's request."""

        def told() -> AllocationEvent | None:
            mine = [e for e in self.deployment.events() if e.request_id == f"r-{user}"]
            return next((e for e in mine if e.kind == kind), None)

        return self.wait(told, f"{user}'s request to be {kind}")

    def shadows(self, user: str) -> list[ShadowEvent]:
        return [event for event in self.deployment.shadows() if event.user == user]

    def shadow(self, user: str, kind: str) -> ShadowEvent:
        """Wait for what is told about a run for somebody."""
        return self.wait(
            lambda: next((e for e in self.shadows(user) if e.kind == kind), None),
            f"{kind} for {user}",
        )

    def session(self, boot: Boot) -> str:
        """Wait for what the program wrote, which runs on by itself once it is started."""
        return self.wait(lambda: boot.files().get("session"), "a session")

    def wait(self, holds, what: str):
        try:
            return wait_until(holds, PATIENCE_S, what)
        except AssertionError as error:
            told = [(e.user, e.kind, e.reason) for e in self.deployment.shadows()]
            raise AssertionError(f"{error}\n{told}\n{self.deployment.tail()}") from None


@pytest.mark.timeout(3600)
def test_steps_are_run_ahead_of_people_on_instances_of_nova(office, owned) -> None:
    taken_by_its_person(office, owned)
    made_as_new_for_anybody_else(office, owned)
    nothing_for_an_impostor(office, owned)


def taken_by_its_person(office, owned) -> None:
    """Who was foretold goes on from the prepared step, though the allocator was killed since."""
    prepared = office.prepare_for("ann")
    assert set(prepared.files()) == {"prepared", "licence"}
    assert prepared.server.lines == STEPS
    assert prepared.server.logins == ["shadow", "shadow"]
    (address,) = owned.addresses(prepared.instance_id)
    assert prepared.server.address == address
    assert ip_address(address) in ip_network(CIDRS[NETWORK])

    office.deployment.kill()
    office.deployment.start()
    assigned = office.event(office.ask("ann"), "ASSIGNED")
    assert assigned.instance_id == prepared.instance_id
    assert assigned.prepared_steps == ["mail/warm", "mail/licence"]
    assert assigned.saved_s >= 1.0, "the first step alone takes a second"
    assert office.shadow("ann", "HIT").saved_s >= 1.0
    office.event("ann", "STARTED")
    assert office.session(prepared) == "started from warm\n"
    assert office.guests.now(prepared.instance_id) is prepared
    assert "rebuild" not in owned.actions(prepared.instance_id)


def made_as_new_for_anybody_else(office, owned) -> None:
    """All that is left is prepared for people: who comes unforeseen gets nothing of theirs."""
    for_bob, for_cid = office.prepare_for("bob"), office.prepare_for("cid")
    office.ask("dora")
    office.deployment.foretell("bob", 0.0)
    miss = office.shadow("bob", "MISS")
    assigned = office.event("dora", "ASSIGNED")
    assert assigned.instance_id == miss.instance_id == for_bob.instance_id
    assert assigned.prepared_steps == []
    assert for_bob.server.lines == [*STEPS, UNDO], "the licence was given back before"
    assert owned.actions(for_bob.instance_id).count("rebuild") == 1
    office.event("dora", "STARTED")
    lives = office.guests.boots(for_bob.instance_id)
    assert [life is for_bob for life in lives] == [True, False]
    assert lives[0].public_key != lives[1].public_key
    assert office.session(lives[1]) == "started from nothing\n"
    assert set(lives[1].files()) == {"session"}

    assigned = office.event(office.ask("cid"), "ASSIGNED")
    assert assigned.instance_id == for_cid.instance_id
    assert assigned.prepared_steps == ["mail/warm", "mail/licence"]
    office.event("cid", "STARTED")
    assert office.session(for_cid) == "started from warm\n"
    assert "rebuild" not in owned.actions(for_cid.instance_id)


def nothing_for_an_impostor(office, owned) -> None:
    """A released instance is made as new; a server with another key at its address gets nothing."""
    instance_id = office.event("dora", "ASSIGNED").instance_id
    office.deployment.ask("r-dora", "RELEASE", "dora")
    office.wait(lambda: owned.actions(instance_id).count("rebuild") == 2, "a rebuild")
    life = office.wait(
        lambda: (lives := office.guests.boots(instance_id))[2:] and lives[2], "it to boot"
    )
    assert life.files() == {}
    impostor = office.guests.usurp(instance_id)
    failed = office.run_for("eve", "FAILED")
    assert failed.instance_id == instance_id
    assert failed.reason == "another host key than the cloud tells"
    assert impostor.lines == []
    office.wait(lambda: owned.actions(instance_id).count("rebuild") == 3, "a rebuild after that")
