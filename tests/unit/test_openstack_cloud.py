"""The OpenStack cloud says what is known of each call, and touches only what is ours."""

import logging

import pytest

from allocator.cloud.openstack import CloudConfigError, OpenStackCloud, connect
from allocator.cloud.protocol import CloudError, Usage
from allocator.machine.observed import Answer, CloudStatus
from tests.testkit.openstack_cloud import OFFICE, PATIENCE_S, Clock, spec, write_clouds_yaml
from tests.testkit.stub_openstack import HttpFault, Mishap
from tests.testkit.stub_openstack.faults import SERVER_ERROR
from tests.testkit.stub_openstack.server import PASSWORD, TOKEN, image

pytest_plugins = ["tests.testkit.openstack_cloud"]


def refused(call, *args) -> CloudError:
    with pytest.raises(CloudError) as caught:
        call(*args)
    return caught.value


def test_an_instance_is_made_of_what_its_pool_names_and_tagged_as_ours(cloud, stub) -> None:
    made = cloud.create(spec("office-1", zone="az1"))
    (asked,) = stub.compute.requests
    assert (asked["flavorRef"], asked["imageRef"]) == ("flavor-1", "image-1")
    assert asked["networks"] == [{"uuid": "net-1"}]
    assert asked["availability_zone"] == "az1"
    assert set(asked["tags"]) == {
        "warmfront.owner=me", "warmfront.pool=office", "warmfront.intent=office-1",
    }  # fmt: skip
    (found,) = cloud.list_pool("office")
    assert (found.instance_id, found.intent_id, found.status) == (
        made, "office-1", CloudStatus.ACTIVE,
    )  # fmt: skip
    assert cloud.list_pool("other") == []


def test_each_tier_is_reached_and_left(cloud, stub) -> None:
    made = cloud.create(spec())
    assert cloud.get(made).status is CloudStatus.ACTIVE
    for rest, wake, status in (
        ("pause", "unpause", CloudStatus.PAUSED),
        ("suspend", "resume", CloudStatus.SUSPENDED),
        ("shelve", "unshelve", CloudStatus.SHELVED),
    ):
        getattr(cloud, rest)(made)
        assert cloud.get(made).status is status
        assert refused(getattr(cloud, rest), made).answer is Answer.REFUSED  # 409
        getattr(cloud, wake)(made)
        assert cloud.get(made).status is CloudStatus.ACTIVE


def test_a_deleted_instance_is_missing(cloud, stub) -> None:
    made = cloud.create(spec())
    cloud.delete(made)
    assert refused(cloud.delete, made).answer is Answer.MISSING
    assert refused(cloud.get, made).answer is Answer.MISSING
    assert cloud.list_pool("office") == []


def test_a_listing_of_many_pages_is_whole(cloud, stub, monkeypatch) -> None:
    monkeypatch.setattr("allocator.cloud.openstack.cloud.PAGE", 3)
    for number in range(8):
        cloud.create(spec(f"office-{number}"))
    assert {x.intent_id for x in cloud.list_pool("office")} == {f"office-{n}" for n in range(8)}
    assert stub.calls["GET detail"] >= 3


def test_what_lacks_our_tags_is_never_seen(cloud, stub) -> None:
    cloud.create(spec())
    stub.compute.servers["foreign"] = {
        **next(iter(stub.compute.servers.values())), "id": "foreign",
        "tags": ["warmfront.pool=office"],
    }  # fmt: skip
    # Even from a Nova that ignores the filter.
    everything = {"servers": list(stub.compute.servers.values())}
    stub.compute.detail = lambda _, marker, __: (200, {"servers": []} if marker else everything)
    assert "foreign" not in {x.instance_id for x in cloud.list_pool("office")}


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        (HttpFault(400, "Invalid key_name"), Answer.REFUSED),
        (HttpFault(403, "Policy doesn't allow"), Answer.REFUSED),
        (HttpFault(404, "Flavor not found"), Answer.REFUSED),
        (HttpFault(409, "Port is in use"), Answer.REFUSED),
        (HttpFault(429, "Slow down"), Answer.REFUSED),
        (HttpFault(500, "Unexpected"), Answer.UNKNOWN),
        (HttpFault(503, "Unavailable"), Answer.UNKNOWN),
        (Mishap.LOST_REQUEST, Answer.UNKNOWN),
    ],
)
def test_a_failed_creation_is_refused_or_unknown_and_made_nothing(
    cloud, stub, fault, answer
) -> None:
    stub.faults.script("POST", "/servers", fault)
    error = refused(cloud.create, spec())
    assert (error.answer, error.is_quota) == (answer, False)
    assert stub.compute.servers == {}
    assert stub.faults.injected.total() == 1


def test_a_creation_whose_answer_is_lost_is_found_by_its_tag(cloud, stub) -> None:
    stub.faults.script("POST", "/servers", Mishap.LOST_ANSWER)
    made = cloud.create(spec())
    assert list(stub.compute.servers) == [made]
    assert stub.faults.injected.total() == 1


def test_a_creation_whose_answer_comes_too_late_is_found_by_its_tag(cloud, stub) -> None:
    first = cloud.create(spec("office-1"))  # all that a creation asks before is known from here on
    session = cloud._connection.session
    session.timeout = 0.5
    # Only the call that is answered too late is not waited for.
    stub.on_slow = lambda: setattr(session, "timeout", PATIENCE_S)
    stub.faults.script("POST", "/servers", Mishap.SLOW_ANSWER)
    made = cloud.create(spec("office-2"))
    assert list(stub.compute.servers) == [first, made]
    assert stub.faults.injected.total() == 1


def test_an_unsettled_intent_is_looked_for_before_it_is_asked_for_again(cloud, stub) -> None:
    stub.faults.script("POST", "/servers", Mishap.LOST_ANSWER)
    stub.faults.script("GET", "/servers/detail", SERVER_ERROR)  # it can't be looked for at once
    assert refused(cloud.create, spec()).answer is Answer.UNKNOWN
    made = cloud.create(spec())
    assert list(stub.compute.servers) == [made]
    assert len(stub.compute.requests) == 1


def test_of_an_intents_duplicates_the_oldest_stays(cloud, stub, clock) -> None:
    first = cloud.create(spec("office-1"))
    clock.now_s += 5
    stub.faults.script("POST", "/servers", Mishap.LOST_ANSWER)
    assert cloud.create(spec("office-1")) == first
    assert len(stub.compute.requests) == 2
    assert list(stub.compute.servers) == [first]


def test_nothing_was_done_where_no_connection_came_about(cloud, stub) -> None:
    made = cloud.create(spec())
    stub.__exit__()
    error = refused(cloud.delete, made)
    assert error.answer is Answer.REFUSED
    assert "no connection" in str(error)


def test_a_quota_is_a_refusal_for_want_of_capacity(cloud, stub) -> None:
    stub.compute.quota = 1
    cloud.create(spec("office-1"))
    error = refused(cloud.create, spec("office-2"))
    assert (error.answer, error.is_quota) == (Answer.REFUSED, True)
    assert cloud.quota_left() == 0


def test_the_quota_left_counts_instances_cores_and_memory(cloud, stub) -> None:
    assert cloud.quota_left() == 10  # 20 cores, two each
    stub.compute.quota = 3
    assert cloud.quota_left() == 3


def test_a_quota_race_shows_as_an_error_with_its_cause(cloud, stub) -> None:
    stub.compute.quota, stub.compute.accept_over_quota = 0, True
    made = cloud.create(spec())
    found = cloud.get(made)
    assert (found.status, found.is_capacity) == (CloudStatus.ERROR, True)
    assert "Quota exceeded" in found.fault


def test_a_pause_that_the_cloud_asks_for_is_kept(cloud, stub, clock) -> None:
    stub.faults.script("GET", "/servers/detail", HttpFault(429, "slow down", "7"))
    assert refused(cloud.list_pool, "office").retry_after_s == 7.0
    before = stub.calls["GET detail"]
    assert refused(cloud.list_pool, "office").answer is Answer.REFUSED
    assert stub.calls["GET detail"] == before, "the cloud was asked in its pause"
    clock.now_s += 7.0
    assert cloud.list_pool("office") == []


def test_an_eventually_consistent_listing_misses_what_is_new(cloud, stub) -> None:
    cloud.create(spec("office-1"))
    stub.compute.freeze_listing()
    cloud.create(spec("office-2"))
    assert [x.intent_id for x in cloud.list_pool("office")] == ["office-1"]
    stub.compute.thaw_listing()
    assert len(cloud.list_pool("office")) == 2


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("ACTIVE", CloudStatus.UNREACHABLE),
        ("PAUSED", CloudStatus.UNREACHABLE),
        ("REBUILD", CloudStatus.UNREACHABLE),
        ("MIGRATING", CloudStatus.UNREACHABLE),  # or any change that never ends there
        ("ERROR", CloudStatus.ERROR),
        ("SHELVED_OFFLOADED", CloudStatus.SHELVED),
    ],
)
def test_a_server_on_a_dead_host_is_unreachable(cloud, stub, status, told) -> None:
    made = cloud.create(spec())
    cloud.list_pool("office")
    stub.compute.servers[made] |= {"status": status, "until_s": 1e12, "host_status": "UNKNOWN"}
    assert cloud.get(made).status is told


@pytest.mark.parametrize(
    ("status", "task", "told"),
    [
        ("ACTIVE", "deleting", CloudStatus.DELETED),
        ("SHUTOFF", None, CloudStatus.OFF),
        ("MIGRATING", "migrating", CloudStatus.BUILD),
        ("SHELVED", None, CloudStatus.SHELVED),
        ("A_STATE_OF_TOMORROW", None, CloudStatus.BUILD),
    ],
)
def test_states_beside_the_usual_life(cloud, stub, status, task, told) -> None:
    made = cloud.create(spec())
    cloud.list_pool("office")
    stub.compute.servers[made].update({"status": status, "OS-EXT-STS:task_state": task})
    assert cloud.get(made).status is told


def test_only_the_newest_usable_image_makes_an_instance_ready(cloud, stub, clock) -> None:
    old = cloud.create(spec("office-1"))
    assert cloud.list_pool("office")[0].has_image
    stub.images.append(image("image-2", "base", 2.0))
    stub.images.append(image("image-3", "base", 3.0, status="queued"))
    clock.now_s += 61  # what is known of images is a minute old at most
    cloud.create(spec("office-2"))
    assert [x.has_image for x in cloud.list_pool("office")] == [False, True]
    cloud.rebuild(old, OFFICE.image)
    assert all(x.has_image for x in cloud.list_pool("office"))
    assert {x.intent_id for x in cloud.list_pool("office")} == {"office-1", "office-2"}


def test_while_nobody_knows_the_images_the_last_known_one_counts(cloud, stub, clock) -> None:
    cloud.create(spec())
    clock.now_s += 61
    stub.faults.script("GET", "/image/v2/images", SERVER_ERROR)
    assert cloud.list_pool("office")[0].has_image
    assert stub.faults.injected["500"] == 1


def test_a_pool_that_names_nothing_of_this_cloud_is_told_so(cloud, stub) -> None:
    stub.images.clear()
    error = refused(cloud.create, spec())
    assert error.answer is Answer.REFUSED
    assert "no usable image named 'base'" in str(error)


def test_an_instance_boots_from_a_volume_where_one_is_declared(cloud, stub) -> None:
    made = cloud.create(spec(volume_gb=20))
    (asked,) = stub.compute.requests
    (volume,) = asked["block_device_mapping_v2"]
    assert (volume["uuid"], volume["volume_size"]) == ("image-1", 20)
    assert volume["delete_on_termination"]
    assert not asked.get("imageRef")
    (found,) = cloud.list_pool("office")
    assert (found.instance_id, found.has_image) == (made, True)


def test_usage_and_access_are_what_the_cloud_tells(cloud, stub) -> None:
    made = cloud.create(spec())
    stub.diagnostics = {
        "cpu_details": [{"id": 0, "time": 2_000_000_000}, {"id": 1, "time": 1_000_000_000}],
        "memory_details": {"maximum": 2048, "used": 512},
        "disk_details": [{"read_bytes": 10, "write_bytes": 5}],
        "nic_details": [{"rx_octets": 7, "tx_octets": None}],
        "uptime": 60,
    }
    assert cloud.usage(made) == Usage(3.0, 512 * 2**20, 15, 7, 60)
    stub.compute.servers[made]["console"] = (
        "boot\n-----BEGIN SSH HOST KEY KEYS-----\nssh-ed25519 AAAAC3 root@x\n"
        "-----END SSH HOST KEY KEYS-----\nlogin:"
    )
    access = cloud.access(made)
    assert (access.address, access.host_keys) == ("10.0.0.9", ("ssh-ed25519 AAAAC3",))


def test_no_secret_is_in_an_error_or_a_log(cloud, stub, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    texts = []
    for fault in (HttpFault(500), HttpFault(403), HttpFault(401), Mishap.LOST_REQUEST):
        stub.faults.script("GET", "/servers/detail", fault, fault)
        texts.append(str(refused(cloud.list_pool, "office")))
        stub.faults.scripts.clear()
    texts += [repr(cloud), caplog.text]
    assert len(stub.faults.injected) == 4
    assert not [text for text in texts if PASSWORD in text or TOKEN in text]


@pytest.mark.parametrize("name", [None, "absent"])
def test_a_cloud_that_is_not_configured_is_told(name, tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("OS_CLOUD", raising=False)
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(write_clouds_yaml(tmp_path, "http://x")))
    with pytest.raises(CloudConfigError, match=r"OS_CLOUD|absent"):
        connect(name)


@pytest.mark.parametrize("path", ["/compute", "/identity", "/image"])
def test_an_outage_at_the_start_ends_with_the_outage(
    stub, clock, tmp_path, monkeypatch, path
) -> None:
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(write_clouds_yaml(tmp_path, stub.url)))
    stub.faults.script("GET", path, *[SERVER_ERROR] * 3)
    stub.faults.script("POST", path, *[SERVER_ERROR] * 3)
    cloud = OpenStackCloud(connect("stub", timeout_s=PATIENCE_S), "me", {"office": OFFICE}, Clock())
    outcomes = []
    for _ in range(8):
        try:
            outcomes.append(cloud.create(spec("office-1")))
        except CloudError as error:
            outcomes.append(error.answer)
    assert outcomes[-1] in stub.compute.servers
    assert stub.faults.injected["500"] >= 1
    assert set(stub.compute.requests[-1]["tags"]) >= {"warmfront.owner=me"}
