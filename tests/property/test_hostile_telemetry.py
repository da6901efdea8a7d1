"""Whatever bytes come as telemetry, a worker lives: each message is worked on or refused."""

import random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.codec import Codec, MemoryIds, UndecodableError
from schemas.records import Activity, ActivityBatch
from schemas.topics import CATALOGUE, TELEMETRY_ACTIVITY
from streams.pipeline.learned import LearnedVersions
from streams.pipeline.partition import ProfilePartition
from tests.testkit.hostile import NAMES, NUMBERS, mutated
from tests.testkit.office import POOLS, WAYS, activities, log_of
from tests.testkit.offline import LATENESS_MS, MemoryUsers

CODEC = Codec(MemoryIds())
NOW_MS = 1_750_100_000_000
TIMES = [0, -1, 2**62, -(2**62), NOW_MS, NOW_MS + 10**10]


def fold() -> ProfilePartition:
    pools = tuple(pool.name for pool in POOLS)
    return ProfilePartition(0, MemoryUsers(), WAYS, pools, LATENESS_MS, LearnedVersions().at)


def work_on(partition: ProfilePartition, data: bytes, offset: int) -> bool:
    """As the agent does; tells whether the message was refused."""
    try:
        batch = CODEC.decode(TELEMETRY_ACTIVITY, data, ActivityBatch)
    except UndecodableError:
        return True
    for step in partition.apply(batch, offset, NOW_MS):
        for output in step.outputs:
            if output.record is not None:  # what is forgotten is told by a tombstone
                CODEC.encode(output.topic, output.record)
        if step.user is not None:
            name, user = step.user
            partition._users.save(name, user)
            type(user).from_bytes(user.to_bytes())
    partition.state.from_bytes(partition.state.to_bytes())
    return False


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1))
@example(seed=0)
def test_changed_bytes_end_no_worker(seed: int) -> None:
    chance = random.Random(seed)
    good = [
        CODEC.encode(TELEMETRY_ACTIVITY, m.value)
        for m in log_of(activities(seed, 40), 1)
        if isinstance(m.value, ActivityBatch)
    ]
    partition = fold()
    refused = [work_on(partition, mutated(chance.choice(good), chance), n) for n in range(100)]
    assert any(refused), "nothing was changed that matters"
    assert not work_on(partition, good[-1], 1000), "a neighbour is not disturbed"


EVENT = st.builds(
    Activity,
    seq=st.sampled_from([0, 1, -1, 2**62]) | st.integers(0, 10**6),
    time=st.sampled_from(TIMES) | st.integers(NOW_MS - 10**7, NOW_MS),
    kind=st.sampled_from(["LAUNCH", "EXIT", "SWITCH", "ACCESS", "SAMPLE", "WAIT"]),
    program=st.sampled_from([*NAMES, "editor"]) | st.text(max_size=20),
    session=st.none() | st.sampled_from(NAMES),
    cpu_cores=st.none() | st.sampled_from(NUMBERS),
    memory_bytes=st.none() | st.sampled_from([0, -1, 2**62]),
    storage_bytes=st.none() | st.sampled_from([0, -1, 2**62]),
    network_bytes_per_s=st.none() | st.sampled_from(NUMBERS),
    data_ref=st.none() | st.sampled_from(NAMES),
    wait_s=st.none() | st.sampled_from(NUMBERS),
    outcome=st.none() | st.sampled_from(NAMES),
)


LAUNCH = Activity(seq=1, time=NOW_MS, kind="LAUNCH", program="editor")
NEIGHBOUR = CODEC.encode(
    TELEMETRY_ACTIVITY, ActivityBatch(user="neighbour", host="h", source="good", events=[LAUNCH])
)


@settings(max_examples=60)
@given(events=st.lists(EVENT, min_size=1, max_size=12), user=st.sampled_from([*NAMES, "ada"]))
def test_hostile_values_end_no_worker(events: list[Activity], user: str) -> None:
    partition = fold()
    batch = ActivityBatch(user=user, host="h", source="s", events=events)
    try:
        data = CODEC.encode(TELEMETRY_ACTIVITY, batch)
    except (ValueError, OverflowError):
        return
    for offset in range(2):
        work_on(partition, data, offset)
    assert not work_on(partition, NEIGHBOUR, 2), "a neighbour is not disturbed"
    assert partition._users.get("neighbour").launches == 1


@settings(max_examples=200)
@given(data=st.binary(max_size=200), topic=st.sampled_from([t for t in CATALOGUE if t.record]))
def test_any_bytes_on_any_topic_are_refused_in_one_way(data: bytes, topic: object) -> None:
    try:
        CODEC.decode(topic, data, topic.record)
    except UndecodableError:
        return
    assert data[:1] == b"\x00"
