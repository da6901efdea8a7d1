"""Properties of the sketches: merges, bounds, quantiles within the range."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from streams.models.consumption import Consumption, ConsumptionCounts
from streams.models.consumption.log_buckets import border, bucket
from streams.models.consumption.quantile_sketch import QuantileSketch, quantile_of_buckets
from streams.models.consumption.sketch_rows import MAX_BUCKETS, MAX_LEVEL

DURATION = 5

VALUES = st.floats(1e-9, 1e18)
PROGRAMS = st.integers(0, 2**32 - 1) | st.integers(0, 200)
KEYS = st.integers(-1099, 4000) | st.just(-(2**15))
ROWS = st.dictionaries(
    st.tuples(PROGRAMS, st.integers(0, 5)),
    st.dictionaries(KEYS, st.integers(1, 2**61), min_size=1),
)


def _sketch(values):
    sketch = QuantileSketch()
    for value in values:
        sketch.add(value)
    return sketch


@st.composite
def consumption_counts(draw):
    counts = ConsumptionCounts()
    rows = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), VALUES), max_size=20)
    for program, resource, value in draw(rows):
        if resource == DURATION:
            Consumption().observe_duration(program, value, counts)
        else:
            Consumption().observe_sample(program, (*[None] * resource, value), counts)
    return counts


def _merged(*parts):
    total = ConsumptionCounts()
    for part in parts:
        total.merge(part)
    return total


@given(consumption_counts(), consumption_counts(), consumption_counts())
def test_merging_counts_is_associative_and_commutative_to_the_bit(a, b, c):
    left, right = _merged(_merged(a, b), c), _merged(a, _merged(c, b))
    assert left.to_bytes() == right.to_bytes()


@given(VALUES)
def test_a_value_lies_in_its_bucket(value):
    for level in range(MAX_LEVEL + 1):
        key = bucket(value) >> level
        assert border(key, level) <= value < border(key + 1, level)


@given(st.lists(VALUES, min_size=1, max_size=200), st.floats(0, 1))
def test_a_sketch_is_bounded_and_its_quantiles_lie_in_the_buckets(values, q):
    sketch = _sketch(values)
    assert len(sketch.counts) <= MAX_BUCKETS
    assert 0 <= sketch.level <= MAX_LEVEL
    assert all(0 <= count <= 255 for count in sketch.counts)
    assert sketch.count == len(values)
    estimate = sketch.quantile(q)
    assert sketch.buckets()[0][0] <= estimate <= sketch.buckets()[-1][1]


@given(st.lists(VALUES, max_size=80), st.lists(VALUES, max_size=80))
def test_merged_sketches_count_everything_whichever_comes_first(left, right):
    one, two = _sketch(left), _sketch(right)
    one.merge(_sketch(right))
    two.merge(_sketch(left))
    assert one.count == two.count == len(left) + len(right)
    assert len(one.counts) <= MAX_BUCKETS


@given(st.lists(VALUES, min_size=1, max_size=60), st.floats(0, 1), st.floats(0, 1))
def test_quantiles_rise(values, p, q):
    rows = _sketch(values).buckets()
    low, high = sorted((p, q))
    assert quantile_of_buckets(rows, low) <= quantile_of_buckets(rows, high) * (1 + 1e-12)


@given(ROWS)
def test_counts_are_written_as_msgspec_writes_them_and_read_back(rows):
    plain = [
        [program, of, dict(sorted(row.items()))] for (program, of), row in sorted(rows.items())
    ]
    data = b"\x01" + msgspec.msgpack.encode([plain])
    counts = ConsumptionCounts.from_bytes(data)
    assert counts.to_bytes() == data
    for (program, of), row in rows.items():
        assert [n for *_, n in counts.buckets(program, of)] == [row[key] for key in sorted(row)]


@given(
    st.lists(st.tuples(st.integers(0, 5), VALUES | st.just(0.0)), max_size=200), st.integers(1, 3)
)
def test_a_users_sketches_are_read_back_whenever_they_are_saved(samples, kept):
    here, saved = Consumption(max_programs=kept), Consumption(max_programs=kept)
    for program, value in samples:
        here.observe_sample(program, (value, None, value, None, 1e9 * value))
        saved.observe_sample(program, (value, None, value, None, 1e9 * value))
        saved = Consumption.from_bytes(saved.to_bytes())
    assert here.to_bytes() == saved.to_bytes()
