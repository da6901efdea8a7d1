"""Bandwidth is claimed before anybody needs it, grows on assignment, and bounds what fits."""

import time

from allocator.cloud.openstack import OpenStackCloud
from allocator.machine.observed import CloudStatus
from tests.lab.conftest import FAST, HUNGRY, POOLS, spec, wait_gone, wait_until


def test_a_warm_instance_holds_its_bandwidth_and_an_assigned_one_more(cloud, owned, make) -> None:
    made = make("band-1", FAST)
    assert owned.bandwidth_kbps(made) == 10_000
    cloud.set_bandwidth(made, "full-100m")
    assert owned.bandwidth_kbps(made) == 100_000
    cloud.set_bandwidth(made, "warm-10m")
    assert owned.bandwidth_kbps(made) == 10_000


def test_more_bandwidth_than_the_hosts_have_is_a_want_of_capacity(cloud, lab) -> None:
    made = [cloud.create(spec(f"band-{n}", HUNGRY)) for n in range(len(lab.hosts) + 1)]
    done = {CloudStatus.ACTIVE, CloudStatus.ERROR}
    found = wait_until(
        lambda: (x := [cloud.get(m) for m in made]) and all(o.status in done for o in x) and x,
        400, "all to be decided",
    )  # fmt: skip
    # 600 Mbit/s of each host's 1,000: one a host.
    active = [x for x in found if x.status is CloudStatus.ACTIVE]
    refused = [x for x in found if x.status is CloudStatus.ERROR]
    assert len(active) == len(lab.hosts)
    assert [x.is_capacity for x in refused] == [True]


def test_the_port_of_a_deleted_instance_is_swept(member, owner, owned) -> None:
    now_s = [0.0]
    aged = OpenStackCloud(
        member, owner, POOLS, lambda: now_s[0], lambda: time.time() + 600 + now_s[0]
    )
    made = aged.create(spec("band-9", FAST))
    wait_until(lambda: aged.get(made).status is CloudStatus.ACTIVE, 400, "it to run")
    assert len(owned.ports()) == 1
    aged.delete(made)
    wait_gone(aged, made)
    for _ in range(2):
        now_s[0] += 20
        aged.list_pool("fast")
    assert owned.ports() == []
