"""Fixtures: the allocator's cloud on a stub OpenStack, configured as an operator would."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from allocator.cloud.openstack import OpenStackCloud, connect
from allocator.cloud.protocol import InstanceSpec
from schemas.pools import Pool
from tests.testkit.stub_openstack import StubOpenStack
from tests.testkit.stub_openstack.server import PASSWORD

OFFICE = Pool("office", flavor="small", image="base", network="lab")
WIRED = Pool(
    "wired", flavor="small", image="base", network="lab", qos_policy="warm",
    assigned_qos_policy="full",
)  # fmt: skip
# Of one HTTP request: nothing is slow but what is scripted, and this machine now and then.
PATIENCE_S = 60.0


class Clock:
    """Monotonic and unix seconds that a test moves."""

    def __init__(self) -> None:
        self.now_s = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now_s


def write_clouds_yaml(folder: Path, url: str, name: str = "stub") -> Path:
    """Write a clouds.yaml with one cloud."""
    path = folder / "clouds.yaml"
    path.write_text(
        f"""clouds:
  {name}:
    auth: {{auth_url: "{url}/identity/v3", username: demo, password: {PASSWORD},
      project_name: demo, user_domain_name: Default, project_domain_name: Default}}
    region_name: R
"""
    )
    return path


def spec(intent_id: str = "office-1", pool: Pool = OFFICE, **other: Any) -> InstanceSpec:
    """Return what an instance of a pool is made of."""
    return InstanceSpec(
        pool=pool.name, intent_id=intent_id, flavor=pool.flavor, image=pool.image,
        network=pool.network, qos_policy=pool.qos_policy, **other,
    )  # fmt: skip


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stub(clock) -> Iterator[StubOpenStack]:
    with StubOpenStack(clock) as served:
        yield served


@pytest.fixture
def cloud(stub, clock, tmp_path, monkeypatch) -> OpenStackCloud:
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(write_clouds_yaml(tmp_path, stub.url)))
    pools = {pool.name: pool for pool in (OFFICE, WIRED)}
    return OpenStackCloud(connect("stub", timeout_s=PATIENCE_S), "me", pools, clock, clock)
