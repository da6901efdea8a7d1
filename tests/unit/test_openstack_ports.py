"""Ports reserve bandwidth ahead, widen on assignment, and never outlive what they were made for."""

import pytest

from allocator.cloud.protocol import CloudError
from allocator.machine.observed import Answer
from tests.testkit.openstack_cloud import WIRED, spec
from tests.testkit.stub_openstack import HttpFault, Mishap
from tests.testkit.stub_openstack.faults import QUOTA

pytest_plugins = ["tests.testkit.openstack_cloud"]


@pytest.fixture
def wired():
    return spec("wired-1", WIRED)


def test_the_port_is_made_first_with_the_policy_that_reserves(cloud, stub, wired) -> None:
    made = cloud.create(wired)
    (port,) = stub.network.ports.values()
    assert (port["qos_policy_id"], port["device_id"], port["name"]) == ("qos-warm", made, "wired-1")
    assert stub.compute.requests[0]["networks"] == [{"port": port["id"]}]


def test_assignment_widens_and_recycling_narrows(cloud, stub, wired) -> None:
    made = cloud.create(wired)
    (port,) = stub.network.ports.values()
    cloud.set_bandwidth(made, "full")
    assert port["qos_policy_id"] == "qos-full"
    updates = stub.calls[f"PUT {port['id']}"]
    cloud.set_bandwidth(made, "full")
    assert stub.calls[f"PUT {port['id']}"] == updates == 1
    cloud.set_bandwidth(made, "warm")
    assert port["qos_policy_id"] == "qos-warm"


def test_a_port_of_somebody_else_is_not_touched(cloud, stub, wired) -> None:
    made = cloud.create(wired)
    stub.network.ports["other"] = {
        "id": "other", "device_id": made, "description": "by hand", "qos_policy_id": "x",
    }  # fmt: skip
    cloud.set_bandwidth(made, "full")
    assert stub.network.ports["other"]["qos_policy_id"] == "x"


def test_bandwidth_that_no_host_has_left_is_a_refusal(cloud, stub, wired) -> None:
    made = cloud.create(wired)
    stub.faults.script("PUT", "/ports/", HttpFault(409, "No capacity for the minimum bandwidth"))
    with pytest.raises(CloudError) as caught:
        cloud.set_bandwidth(made, "full")
    assert caught.value.answer is Answer.REFUSED


def test_a_refused_instance_leaves_no_port(cloud, stub, wired) -> None:
    stub.faults.script("POST", "/servers", QUOTA)
    with pytest.raises(CloudError):
        cloud.create(wired)
    assert stub.network.ports == {}


def test_a_port_whose_instance_never_came_is_swept_after_two_looks(
    cloud, stub, clock, wired
) -> None:
    stub.faults.script("POST", "/servers", Mishap.LOST_REQUEST)
    with pytest.raises(CloudError):
        cloud.create(wired)
    seen = []
    for _ in range(10):
        clock.now_s += 20
        cloud.list_pool("wired")
        seen.append(len(stub.network.ports))
    assert seen[4] == 1, "swept while its instance might still have come"
    assert seen[-1] == 0


def test_a_deleted_instances_port_is_swept_and_the_others_stay(cloud, stub, clock, wired) -> None:
    gone = cloud.create(wired)
    kept = cloud.create(spec("wired-2", WIRED))
    stub.network.ports["other"] = {"id": "other", "device_id": "", "description": "by hand"}
    cloud.delete(gone)
    clock.now_s += 200
    cloud.list_pool("wired")
    clock.now_s += 20
    cloud.list_pool("wired")
    held = {port.get("device_id") for port in stub.network.ports.values()}
    assert held == {kept, ""}
    assert "other" in stub.network.ports
