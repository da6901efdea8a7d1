"""Fixtures on the running lab: `make test-lab` starts it, and stops it afterwards."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from allocator.cloud.openstack import OpenStackCloud
from allocator.cloud.protocol import CloudError, InstanceSpec
from allocator.executor import spec_of
from allocator.machine.observed import Answer, CloudStatus, Observed
from infra.openstack_lab import control
from infra.openstack_lab.furnishing import IMAGE, NETWORK, WIRED
from infra.openstack_lab.layout import Lab
from schemas.pools import Pool
from tests.lab.owned import Owned

PLAIN = Pool("plain", flavor="tiny", image=IMAGE, network=NETWORK)
FAST = Pool(
    "fast", flavor="tiny", image=IMAGE, network=WIRED, qos_policy="warm-10m",
    assigned_qos_policy="full-100m",
)  # fmt: skip
HUNGRY = Pool("hungry", flavor="tiny", image=IMAGE, network=WIRED, qos_policy="huge-600m")
POOLS = {pool.name: pool for pool in (PLAIN, FAST, HUNGRY)}


@pytest.fixture(scope="session")
def lab() -> Lab:
    """The lab, whole: what an earlier test killed is started again."""
    found = Lab()
    control.up(found, lambda _: None)
    return found


@pytest.fixture(scope="session")
def admin(lab) -> Any:
    return control.connect(lab, "lab-admin")


@pytest.fixture(scope="session")
def member(lab) -> Any:
    return control.connect(lab, "lab")


@pytest.fixture
def owner() -> str:
    return f"t{uuid.uuid4().hex[:8]}"


@pytest.fixture
def owned(admin, owner) -> Iterator[Owned]:
    """What a test's owner has in the cloud; afterwards nothing may be left of it."""
    found = Owned(admin, owner)
    yield found
    found.remove_all()


@pytest.fixture
def cloud(lab, member, owner, owned) -> OpenStackCloud:
    return OpenStackCloud(member, owner, POOLS)


@pytest.fixture
def hypervisor_faults(lab) -> Iterator[Callable[..., None]]:
    """Lets the hypervisor be slow or fail: `hypervisor_faults(spawn={"fail": 1.0})`."""
    yield lambda **rules: lab.faults.write_text(json.dumps(rules)) and None
    lab.faults.unlink(missing_ok=True)


@pytest.fixture
def make(cloud) -> Callable[..., str]:
    """Makes an instance of a pool and waits until it runs."""

    def make_one(intent_id: str, pool: Pool = PLAIN) -> str:
        made = cloud.create(spec_of(pool, intent_id))
        wait_status(cloud, made, CloudStatus.ACTIVE)
        return made

    return make_one


def spec(intent_id: str, pool: Pool = PLAIN) -> InstanceSpec:
    return spec_of(pool, intent_id)


def wait_status(
    cloud: OpenStackCloud, instance_id: str, status: CloudStatus, timeout_s: float = 400
) -> Observed:
    """Wait until the cloud shows an instance in a state."""
    return wait_until(
        lambda: (found := cloud.get(instance_id)).status is status and found,
        timeout_s, f"{instance_id} to be {status}",
    )  # fmt: skip


def wait_gone(cloud: OpenStackCloud, instance_id: str, timeout_s: float = 400) -> None:
    """Wait until the cloud knows an instance no more."""

    def is_gone() -> bool:
        try:
            cloud.get(instance_id)
        except CloudError as error:
            return error.answer is Answer.MISSING
        return False

    wait_until(is_gone, timeout_s, f"{instance_id} to be gone")


def wait_until(holds: Callable[[], Any], timeout_s: float, what: object) -> Any:
    """Return the first true answer."""
    deadline_s = time.monotonic() + timeout_s
    while not (found := holds()):
        assert time.monotonic() < deadline_s, f"waited {timeout_s:.0f} s for {what}"
        time.sleep(1.0)
    return found
