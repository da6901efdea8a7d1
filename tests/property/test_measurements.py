"""A run of measurements changes what they change one by one."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.records import Activity
from streams.models.consumption import ConsumptionCounts
from streams.pipeline.eventtime import HOUR_MS
from streams.pipeline.level import Level
from streams.pipeline.samples import measure
from streams.pipeline.user import User

AMOUNTS = st.none() | st.floats(allow_nan=True) | st.floats(0, 1e7)
BYTES = st.none() | st.integers(-1, 2**50)
SAMPLES = st.lists(
    st.builds(
        Activity, seq=st.just(1), time=st.integers(0, HOUR_MS - 1), kind=st.just("SAMPLE"),
        program=st.sampled_from([f"p{k}" for k in range(20)]) | st.just("p0"), cpu_cores=AMOUNTS,
        memory_bytes=BYTES, storage_bytes=BYTES, disk_bytes_per_s=AMOUNTS,
        network_bytes_per_s=AMOUNTS,
    ),
    min_size=1, max_size=60,
)  # fmt: skip


def _pool_of(program: str) -> str:
    return program[-1]


@given(SAMPLES)
def test_a_run_is_the_same_as_its_measurements_one_by_one(samples):
    together, apart = User(0), User(0)
    counts, counts_apart = ConsumptionCounts(), ConsumptionCounts()
    measure(together, samples, counts, _pool_of)
    for sample in samples:
        measure(apart, [sample], counts_apart, _pool_of)
    assert together.to_bytes() == apart.to_bytes()
    assert counts == counts_apart


def test_what_is_measured_is_held_from_then_on():
    user = User(0)
    sample = Activity(
        seq=1, time=59_000, kind="SAMPLE", program="p", cpu_cores=0.5, memory_bytes=3 * 2**20,
        storage_bytes=2**60, network_bytes_per_s=-1.0,
    )  # fmt: skip
    measure(user, [sample], ConsumptionCounts(), _pool_of)
    held = Level(500, 3 * 1024, 2**37, 0)
    assert user.running["p"].level == held
    assert user.open_minutes["p", 0] == (0, held, held.times(1000))
