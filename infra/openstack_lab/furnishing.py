"""What a cloud has before anybody uses it: flavors, an image, networks, bandwidth to give away."""

import time
from typing import Any

from infra.openstack_lab.layout import Lab, LabError

FLAVORS = {"tiny": (1, 512, 1), "small": (1, 2048, 10), "medium": (2, 4096, 20)}
IMAGE = "base"
# A network for most tests, and one with bandwidth that is counted. Their addresses lead to this
# machine, so that something can stand in for a guest at the address that Neutron gave it.
NETWORK, WIRED = "lab", "wired"
CIDRS = {NETWORK: "127.98.0.0/16", WIRED: "127.99.0.0/16"}
# Kilobits per second.
UPLINK_KBPS = 1_000_000
POLICIES = {"warm-10m": 10_000, "full-100m": 100_000, "huge-600m": 600_000}
BANDWIDTH = "NET_BW_EGR_KILOBIT_PER_SEC"
QUOTA = {"instances": 200, "cores": 400, "ram": 400_000}
TRAITS = ["CUSTOM_PHYSNET_PHYSNET0", "CUSTOM_VNIC_TYPE_NORMAL"]
PLACEMENT = {"OpenStack-API-Version": "placement 1.36"}


def ensure(lab: Lab, admin: Any, deadline_s: float) -> None:
    """Wait for the compute hosts, then make what is not there.

    Raises
    ------
    LabError
        If the hosts are not up by the deadline.
    """
    _flavors(admin)
    _image(admin)
    _networks(admin)
    _policies(admin)
    _quota(admin)
    wait_for_hosts(lab, admin, deadline_s)
    for host in lab.hosts:
        _uplink(admin, host)


def wait_for_hosts(lab: Lab, admin: Any, deadline_s: float) -> None:
    """Wait until every compute host is up and known to the scheduler."""
    ends_s = time.monotonic() + deadline_s
    while missing := set(lab.hosts) - _hosts_up(admin):
        if time.monotonic() > ends_s:
            raise LabError(f"hosts not up after {deadline_s:.0f} s: {', '.join(sorted(missing))}")
        time.sleep(0.5)


def _hosts_up(admin: Any) -> set[str]:
    services = {s.host for s in admin.compute.services(binary="nova-compute") if s.state == "up"}
    mapped = {h.name for h in admin.compute.hypervisors()}
    return services & mapped & {p.name for p in admin.placement.resource_providers()}


def _flavors(admin: Any) -> None:
    there = {flavor.name for flavor in admin.compute.flavors()}
    for name, (vcpus, ram_mb, disk_gb) in FLAVORS.items():
        if name not in there:
            admin.compute.create_flavor(name=name, vcpus=vcpus, ram=ram_mb, disk=disk_gb)


def _image(admin: Any) -> None:
    if next(iter(admin.image.images(name=IMAGE, status="active")), None) is None:
        admin.image.create_image(
            name=IMAGE, data=bytes(1024), disk_format="raw", container_format="bare",
            visibility="public", allow_duplicates=True,
        )  # fmt: skip


def _networks(admin: Any) -> None:
    wired = {
        "provider_network_type": "vlan",
        "provider_physical_network": "physnet0",
        "provider_segmentation_id": 100,
    }
    there = {network.name for network in admin.network.networks()}
    for name, options in ((NETWORK, {}), (WIRED, wired)):
        if name not in there:
            made = admin.network.create_network(name=name, is_shared=True, **options)
            admin.network.create_subnet(
                network_id=made.id, name=name, ip_version=4, cidr=CIDRS[name],
                is_dhcp_enabled=False,  # Neutron takes loopback addresses only without
            )  # fmt: skip


def _policies(admin: Any) -> None:
    there = {policy.name for policy in admin.network.qos_policies()}
    for name, kbps in POLICIES.items():
        if name not in there:
            policy = admin.network.create_qos_policy(name=name, shared=True)
            admin.network.create_qos_minimum_bandwidth_rule(
                policy, min_kbps=kbps, direction="egress"
            )


def _quota(admin: Any) -> None:
    """Let the project have more than Nova's ten instances."""
    project = admin.identity.find_project("demo", ignore_missing=False)
    admin.compute.update_quota_set(project.id, **QUOTA)


def _uplink(admin: Any, host: str) -> None:
    """Tell placement of a host's bandwidth, as a network agent would."""
    name = f"{host}:br0"
    providers = {p.name: p for p in admin.placement.resource_providers()}
    if name in providers:
        return
    parent = providers[host]
    made = admin.placement.create_resource_provider(name=name, parent_provider_id=parent.id)
    for trait in TRAITS:
        _check(admin.placement.put(f"/traits/{trait}", headers=PLACEMENT))
    body = {"resource_provider_generation": 0, "traits": TRAITS}
    url = f"/resource_providers/{made.id}"
    _check(admin.placement.put(f"{url}/traits", json=body, headers=PLACEMENT))
    inventories = {BANDWIDTH: {"total": UPLINK_KBPS}}
    body = {"resource_provider_generation": 1, "inventories": inventories}
    _check(admin.placement.put(f"{url}/inventories", json=body, headers=PLACEMENT))


def _check(response: Any) -> None:
    if response.status_code >= 300:
        raise LabError(f"placement refused the bandwidth: {response.status_code} {response.text}")
