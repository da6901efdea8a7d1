"""Properties of the cycles: exact merges, exposure in closed form, probabilities."""

from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.models.cycles import Cycles, WeekCounts, WeekRates
from streams.models.cycles.local_hour import hour_of_week, hours_between
from streams.models.cycles.persistence import chain
from streams.models.cycles.week_activity import WeekActivity

ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]
).map(ZoneInfo)
HOURS = st.integers(-1000, 600_000)


@st.composite
def week_counts(draw):
    counts = WeekCounts()
    for first, length, launches in draw(
        st.lists(st.tuples(HOURS, st.integers(0, 2000), st.integers(0, 99)), max_size=5)
    ):
        counts.add_hour(first, launches)
        counts.add_exposure(first, first + length)
    return counts


def _merged(*parts):
    total = WeekCounts()
    for part in parts:
        total.merge(part)
    return total


@given(week_counts(), week_counts(), week_counts())
def test_merging_is_associative_and_commutative_to_the_bit(a, b, c):
    left, right = _merged(_merged(a, b), c), _merged(a, _merged(c, b))
    assert left.to_bytes() == right.to_bytes()


@given(HOURS, st.integers(-5, 1500))
def test_exposure_counts_each_hour_of_the_range_once(first, length):
    counts = WeekCounts()
    counts.add_exposure(first, first + length - 1)
    brute = [0] * 168
    for hour in range(first, first + max(0, length)):
        brute[hour_of_week(hour)] += 1
    assert counts.exposure() == brute


@given(st.integers(0, 3000), st.integers(0, 3000), st.integers(0, 167))
def test_the_decayed_exposure_is_the_sum_over_the_weeks(first, length, at):
    week, now = WeekActivity(half_life_weeks=2.0), first + length
    week.open(first)
    brute = sum(
        week.decay ** ((now + 72) // 168 - (hour + 72) // 168)
        for hour in range(first, now + 1)
        if hour_of_week(hour) == at
    )
    assert abs(week.evidence(at, now)[2] - brute) < 1e-9


@settings(max_examples=60)
@given(st.integers(0, 2**31), st.floats(0.01, 80.0), ZONES)
def test_the_hours_between_two_moments_add_up_to_the_time_between(start, hours, zone):
    pieces = hours_between(float(start), start + hours * 3600.0, zone)
    assert abs(sum(share for _, share in pieces) - hours) < 1e-6
    assert all(0 <= at < 168 and 0 < share <= 1 for at, share in pieces)


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 10**7), st.booleans()), max_size=60), ZONES,
    st.integers(0, 10**6),
)  # fmt: skip
def test_presence_is_a_probability_and_rates_are_finite(events, zone, later_s):
    cycles, rates = Cycles(), WeekRates.flat()
    for offset, launch in sorted(events):
        cycles.observe(1.7e9 + offset, zone, launch=launch)
    now = 1.7e9 + max((offset for offset, _ in events), default=0) + later_s
    assert all(0.0 <= p <= 1.0 for p in cycles.presence(now, zone, rates))
    assert 0.0 <= cycles.expected_launches(now, now + 90_000, zone, rates) < 1e6
    restored = Cycles.from_bytes(cycles.to_bytes())
    assert restored.presence(now, zone, rates) == cycles.presence(now, zone, rates)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=30), st.floats(0, 1), st.floats(0, 1))
def test_a_chain_gives_probabilities(cycle, active_now, persistence):
    states = chain(cycle, active_now, persistence)
    assert len(states) == len(cycle) - 1
    assert all(0.0 <= p <= 1.0 + 1e-12 for p in states)
