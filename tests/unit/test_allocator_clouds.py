"""Which cloud an allocator works on, and what it refuses to do with a real one."""

import pytest

from allocator.cloud.openstack import CloudConfigError, OpenStackCloud
from allocator.cloud.simulated import SimulatedCloud
from allocator.clouds import Clouds
from allocator.options import AllocatorOptions
from schemas.settings import Settings
from tests.testkit.openstack_cloud import write_clouds_yaml


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings(state_dir=tmp_path, topic_prefix="site.")


def test_by_default_the_cloud_is_simulated_and_each_partition_has_its_books(settings) -> None:
    clouds = Clouds(settings, AllocatorOptions(), {})
    made = [clouds.of(number, lambda: 0) for number in (0, 1)]
    assert all(isinstance(cloud, SimulatedCloud) for cloud in made)
    assert len(list(settings.state_dir.glob("site.cloud-*.sqlite"))) == 2


def test_a_real_cloud_is_shared_by_all_partitions(settings, monkeypatch) -> None:
    path = write_clouds_yaml(settings.state_dir, "http://127.0.0.1:1")
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(path))
    clouds = Clouds(settings, AllocatorOptions(cloud="openstack", os_cloud="stub"), {})
    one = clouds.of(0, lambda: 0)
    assert isinstance(one, OpenStackCloud)
    assert clouds.of(1, lambda: 0) is one


@pytest.mark.parametrize("clock", ["event", "auto"])
def test_a_replay_never_launches_on_a_real_cloud(settings, clock) -> None:
    with pytest.raises(ValueError, match="clock wall"):
        Clouds(settings, AllocatorOptions(cloud="openstack", clock=clock), {})


def test_a_real_cloud_without_configuration_is_told(settings, monkeypatch) -> None:
    monkeypatch.delenv("OS_CLOUD", raising=False)
    with pytest.raises(CloudConfigError, match="OS_CLOUD"):
        Clouds(settings, AllocatorOptions(cloud="openstack"), {})
