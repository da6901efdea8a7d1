"""What holds for any series, launches, forecasts and blobs."""

import math

from hypothesis import example, given, settings
from hypothesis import strategies as st

from streams.models.anomaly import Budget, Incidents, Observation, SeriesDetector, Surprise
from streams.models.anomaly.residual import chance_below

values = st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=120)
DAY_S = 86_400.0


@settings(max_examples=60)
@example([1e-308, 1e90], 0.0, 60.0)
@given(values, st.floats(-1e12, 1e12), st.floats(0.0, 1e6))
def test_any_series_is_scored_within_the_unit_interval(series, start_s, step_s):
    detector = SeriesDetector(128)
    for k, value in enumerate(series):
        assert 0.0 <= detector.score(value, start_s + k * step_s) <= 1.0
    low, high = detector.expected(start_s)
    assert low <= high
    SeriesDetector.from_bytes(detector.to_bytes())


@settings(max_examples=60)
@given(values, st.integers(0, 120))
def test_a_score_uses_nothing_later(series, cut):
    whole, part = SeriesDetector(128), SeriesDetector(128)
    scores = [whole.score(value, 60.0 * k) for k, value in enumerate(series)]
    assert scores[:cut] == [part.score(v, 60.0 * k) for k, v in enumerate(series[:cut])]


@settings(max_examples=60)
@given(values, st.integers(0, 119))
def test_saving_at_any_point_changes_nothing(series, at):
    one = SeriesDetector(128)
    for k, value in enumerate(series[:at]):
        one.score(value, 60.0 * k)
    other = SeriesDetector.from_bytes(one.to_bytes())
    for k, value in enumerate(series[at:], at):
        assert one.score(value, 60.0 * k) == other.score(value, 60.0 * k)


@settings(max_examples=200)
@given(st.binary(max_size=200), st.integers(0, 3))
def test_no_bytes_crash_a_detector(blob, version):
    for restore in (SeriesDetector, Surprise, Incidents):
        try:
            restored = restore.from_bytes(bytes([version]) + blob)
        except ValueError:
            continue
        assert restore.from_bytes(restored.to_bytes()).to_bytes() == restored.to_bytes()


@given(st.lists(st.floats(0.0, 1.0), max_size=200), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_the_less_likely_launch_is_never_the_less_surprising(history, one, other):
    surprise = Surprise()
    for probability in history:
        surprise.score(probability)
    rarer, likelier = sorted((one, other))
    assert surprise.judge(rarer).p_value <= surprise.judge(likelier).p_value


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3).map(sorted),
    st.floats(-1e6, 1e6),
    st.floats(-1e6, 1e6),
)
def test_the_chance_below_rises_with_the_value(quantiles, one, other):
    low, high = sorted((one, other))
    levels = (0.1, 0.5, 0.9)
    below_low = chance_below(low, levels, quantiles, 1.0)
    below_high = chance_below(high, levels, quantiles, 1.0)
    assert 0.0 <= below_low <= below_high + 1e-12 <= 1.0 + 1e-12


observations = st.lists(
    st.tuples(st.integers(0, 4), st.floats(0.0, 1.0), st.floats(0.0, 7200.0)), max_size=150
)


@given(observations, st.floats(0.1, 3.0))
def test_no_thirty_days_hold_more_alerts_than_their_budget(steps, per_day):
    incidents, time_s, opened = Incidents(Budget(per_day)), 0.0, []
    for subject, score, gap_s in steps:
        time_s += gap_s
        seen = Observation(
            kind="demand", time_s=time_s, score=score, observed=1.0,
            expected_low=0.0, expected_high=0.5,
        )  # fmt: skip
        alerts = incidents.observe(str(subject), seen)
        opened += [time_s for a in alerts if a.alert_id.endswith("/opened")]
    days = [math.floor(t / DAY_S) for t in opened]
    for day in days:
        assert sum(day <= d < day + 30 for d in days) <= max(math.floor(30 * per_day), 1)


@given(observations)
def test_each_alert_has_its_own_id_and_each_told_incident_ends_once(steps):
    incidents, time_s, alerts = Incidents(Budget(1000.0)), 0.0, []
    for subject, score, gap_s in steps:
        time_s += gap_s
        seen = Observation(
            kind="demand", time_s=time_s, score=score, observed=1.0,
            expected_low=0.0, expected_high=0.5,
        )  # fmt: skip
        alerts += incidents.observe(str(subject), seen)
    alerts += incidents.tick(time_s + DAY_S)
    assert len({alert.alert_id for alert in alerts}) == len(alerts)
    told = {a.incident_id for a in alerts if a.alert_id.endswith("/opened")}
    ended = [a.incident_id for a in alerts if a.ended_at is not None]
    assert sorted(ended) == sorted(told)
