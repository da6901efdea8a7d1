"""An instance's whole life through the allocator's cloud, each tier's way back timed."""

import json
import sys
import time
from ipaddress import ip_address, ip_network
from pathlib import Path

from allocator.machine.observed import Answer, CloudStatus
from infra.openstack_lab.furnishing import CIDRS, NETWORK
from tests.lab.conftest import spec, wait_gone, wait_status, wait_until
from tests.lab.refusals import refusal

REPORT = Path("reports/lab-tiers.json")
TIERS = (
    ("pause", "unpause", CloudStatus.PAUSED),
    ("suspend", "resume", CloudStatus.SUSPENDED),
    ("shelve", "unshelve", CloudStatus.SHELVED),
)


def test_every_tier_is_reached_and_left_and_its_activation_is_measured(cloud, owned) -> None:
    started_s = time.monotonic()
    made = cloud.create(spec("life-1"))
    wait_status(cloud, made, CloudStatus.ACTIVE)
    activation_s = {"cold": time.monotonic() - started_s}
    for rest, wake, status in TIERS:
        getattr(cloud, rest)(made)
        wait_status(cloud, made, status)
        if status is CloudStatus.SHELVED:
            wait_offloaded(owned, made)
        woken_s = time.monotonic()
        getattr(cloud, wake)(made)
        wait_status(cloud, made, CloudStatus.ACTIVE)
        activation_s[str(status)] = time.monotonic() - woken_s
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(activation_s, indent=1))
    sys.stdout.write(f"seconds until ACTIVE: {activation_s}\n")
    assert set(activation_s) == {"cold", "paused", "suspended", "shelved"}
    assert all(value > 0 for value in activation_s.values())
    cloud.delete(made)
    wait_gone(cloud, made)
    assert refusal(cloud.delete, made).answer is Answer.MISSING


def wait_offloaded(owned, instance_id: str) -> None:
    """Until then its host is not free, and Nova refuses to unshelve it."""
    deadline_s = time.monotonic() + 400
    while True:
        (server,) = [s for s in owned.servers() if s.id == instance_id]
        if server.status == "SHELVED_OFFLOADED" and server.task_state is None:
            break
        assert time.monotonic() < deadline_s, (server.status, server.task_state)
        time.sleep(0.25)
    # Only this tier gives the host back; a paused or suspended one keeps its claim.
    assert owned.claims(instance_id) == 0


def test_a_paused_instance_keeps_its_claim(cloud, owned, make) -> None:
    made = make("life-2")
    cloud.pause(made)
    wait_status(cloud, made, CloudStatus.PAUSED)
    assert owned.claims(made) == 1
    assert refusal(cloud.suspend, made).answer is Answer.REFUSED  # 409: Nova suspends what runs


def test_a_rebuild_makes_it_as_new_and_keeps_our_marks(cloud, make) -> None:
    made = make("life-3")
    before = cloud.get(made)
    time.sleep(1.5)  # Nova counts in seconds
    cloud.rebuild(made, "base")
    deadline_s = time.monotonic() + 400
    while not ((found := cloud.get(made)).status is CloudStatus.ACTIVE
               and found.ready_ms > before.ready_ms):  # fmt: skip
        assert time.monotonic() < deadline_s, found
        time.sleep(0.25)
    (listed,) = cloud.list_pool("plain")
    assert (listed.instance_id, listed.intent_id, listed.has_image) == (made, "life-3", True)


def test_what_an_instance_uses_and_where_it_is_are_told(cloud, make) -> None:
    made = make("life-4")
    usage = cloud.usage(made)
    assert usage.cpu_s is not None
    assert usage.memory_bytes is not None
    assert usage.network_bytes is not None
    access = cloud.access(made)
    assert ip_address(access.address) in ip_network(CIDRS[NETWORK])
    assert [key.split()[0] for key in access.host_keys] == ["ssh-ed25519"]


def test_a_rebuild_gives_it_another_host_key_at_the_same_address(cloud, make) -> None:
    made = make("life-6")
    before = cloud.access(made)
    cloud.rebuild(made, "base")
    wait_until(lambda: cloud.access(made).host_keys not in {(), before.host_keys}, 400, "a key")
    assert cloud.access(made).address == before.address


def test_a_newer_image_makes_older_instances_unready(cloud, admin, make) -> None:
    made = make("life-5")
    assert cloud.get(made).has_image
    newer = admin.image.create_image(
        name="base", data=bytes(2048), disk_format="raw", container_format="bare",
        visibility="public", allow_duplicates=True,
    )  # fmt: skip
    try:
        cloud._names._known.clear()  # a minute passes
        assert not cloud.list_pool("plain")[0].has_image
        cloud.rebuild(made, "base")
        wait_status(cloud, made, CloudStatus.ACTIVE)
        assert cloud.list_pool("plain")[0].has_image
    finally:
        admin.image.delete_image(newer.id)
