"""The simulated cloud behaves as badly as a real one, and remembers over a restart."""

import pytest

from allocator.cloud.faults import Fault
from allocator.cloud.protocol import CloudError, InstanceSpec, Usage
from allocator.cloud.simulated import SimulatedCloud, Simulation
from allocator.machine.observed import Answer, CloudStatus, Verb

SPEC = InstanceSpec("office", "office-1")


class Clock:
    now_ms = 1_000_000

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cloud(clock) -> SimulatedCloud:
    return SimulatedCloud(clock, "me", Simulation(launch_spread=0.0, quota=2))


def test_an_instance_builds_then_runs_then_goes(cloud, clock) -> None:
    made = cloud.create(SPEC)
    assert cloud.get(made).status is CloudStatus.BUILD
    clock.now_ms += 90_000
    assert cloud.get(made).status is CloudStatus.ACTIVE
    cloud.delete(made)
    assert [x.status for x in cloud.list_pool("office")] == [CloudStatus.DELETED]
    clock.now_ms += 5_000
    assert cloud.list_pool("office") == []
    with pytest.raises(CloudError) as caught:
        cloud.delete(made)
    assert caught.value.answer is Answer.MISSING


def test_the_quota_is_a_refusal_with_a_cause(cloud) -> None:
    cloud.create(SPEC)
    cloud.create(SPEC)
    with pytest.raises(CloudError) as caught:
        cloud.create(SPEC)
    assert (caught.value.answer, caught.value.is_quota) == (Answer.REFUSED, True)


@pytest.mark.parametrize(
    ("fault", "answer", "held"),
    [
        (Fault.TIMEOUT_AFTER_SUCCESS, Answer.UNKNOWN, 1),
        (Fault.TIMEOUT_BEFORE, Answer.UNKNOWN, 0),
        (Fault.SERVER_ERROR, Answer.UNKNOWN, 0),
        (Fault.THROTTLED, Answer.REFUSED, 0),
        (Fault.QUOTA, Answer.REFUSED, 0),
    ],
)
def test_what_a_failed_creation_leaves_behind(cloud, fault, answer, held) -> None:
    cloud.faults.script(Verb.CREATE, fault)
    with pytest.raises(CloudError) as caught:
        cloud.create(SPEC)
    assert (caught.value.answer, cloud.held("office")) == (answer, held)


def test_an_accepted_creation_may_end_in_error(cloud, clock) -> None:
    cloud.faults.script(Verb.CREATE, Fault.ERROR_STATE)
    made = cloud.create(SPEC)
    clock.now_ms += 90_000
    assert cloud.get(made).status is CloudStatus.ERROR


def test_listings_may_be_stale_or_show_phantoms(cloud, clock) -> None:
    cloud.create(SPEC)
    cloud.faults.script(None, Fault.STALE_LISTING, Fault.PHANTOM_LISTING)
    assert cloud.list_pool("office") == []
    assert len(cloud.list_pool("office")) == 2


def test_others_instances_are_not_seen(clock, tmp_path) -> None:
    mine = SimulatedCloud(clock, "me", store=tmp_path / "cloud.sqlite")
    theirs = SimulatedCloud(clock, "they", store=tmp_path / "cloud.sqlite")
    made = theirs.create(SPEC)
    assert mine.list_pool("office") == []
    with pytest.raises(CloudError):
        mine.delete(made)
    assert theirs.held() == 1


def test_instances_survive_their_allocator(clock, tmp_path) -> None:
    made = SimulatedCloud(clock, "me", store=tmp_path / "cloud.sqlite").create(SPEC)
    again = SimulatedCloud(clock, "me", store=tmp_path / "cloud.sqlite")
    assert [x.instance_id for x in again.list_pool("office")] == [made]


def test_the_same_seed_gives_the_same_launch_times(clock) -> None:
    def ready() -> list[int | None]:
        cloud = SimulatedCloud(clock, "me", seed=4)
        for _ in range(5):
            cloud.create(SPEC)
        return [x.ready_ms for x in cloud.list_pool("office")]

    assert ready() == ready()


@pytest.mark.parametrize(
    ("rest", "wake", "status", "after_s"),
    [
        ("pause", "unpause", CloudStatus.PAUSED, 0),
        ("suspend", "resume", CloudStatus.SUSPENDED, 2),
        ("shelve", "unshelve", CloudStatus.SHELVED, 20),
    ],
)
def test_each_tier_rests_and_wakes_in_its_time(cloud, clock, rest, wake, status, after_s) -> None:
    made = cloud.create(SPEC)
    with pytest.raises(CloudError) as caught:
        getattr(cloud, rest)(made)  # not while it builds
    assert caught.value.answer is Answer.REFUSED
    clock.now_ms += 90_000
    getattr(cloud, rest)(made)
    getattr(cloud, rest)(made)  # a repeat changes nothing
    assert cloud.get(made).status is status
    getattr(cloud, wake)(made)
    if after_s:
        clock.now_ms += after_s * 1000 - 1
        assert cloud.get(made).status is status
        clock.now_ms += 1
    assert cloud.get(made).status is CloudStatus.ACTIVE


def test_a_tier_is_left_only_by_its_own_way(cloud, clock) -> None:
    made = cloud.create(SPEC)
    clock.now_ms += 90_000
    cloud.suspend(made)
    with pytest.raises(CloudError) as caught:
        cloud.unshelve(made)
    assert caught.value.answer is Answer.REFUSED


def test_bandwidth_and_usage_belong_to_an_instance(cloud, clock) -> None:
    made = cloud.create(InstanceSpec("office", "office-1", qos_policy="warm"))
    clock.now_ms += 100_000
    assert cloud.bandwidth(made) == "warm"
    assert cloud.usage(made) == Usage(0.0, 0, 0, 0, 10.0)
    cloud.set_bandwidth(made, "full")
    cloud.use(made, Usage(cpu_s=5.0))
    assert (cloud.bandwidth(made), cloud.usage(made).cpu_s) == ("full", 5.0)
    with pytest.raises(CloudError):
        cloud.set_bandwidth("other", "full")
