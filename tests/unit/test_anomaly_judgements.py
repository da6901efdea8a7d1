"""Surprise and residuals: ranked p-values, small states, drift that is found and saved."""

import math
import random

import pytest

from streams.models.anomaly import DriftDetector, ResidualDetector, Surprise

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
QUANTILES = (10.0, 15.0, 18.0, 22.0, 30.0)


def test_a_regular_user_is_surprising_where_a_varied_one_is_not():
    regular, varied = Surprise(), Surprise()
    for k in range(400):
        regular.score(0.7)
        varied.score(0.7 if k % 3 else 0.002)
    assert regular.score(0.002) >= 0.5
    assert varied.score(0.002) < 0.25


def test_a_launch_the_profile_thought_impossible_has_a_score():
    assert 0.0 <= Surprise().score(0.0) < 0.5  # nobody's first launch is an alert
    assert Surprise().judge(0.0).p_value == pytest.approx(1 / 17, rel=0.01)


def test_p_values_of_a_user_are_calibrated():
    source, surprise = random.Random(5), Surprise()
    p_values = []
    for _ in range(4000):
        probability = source.betavariate(1.0, 2.0)
        p_values.append(surprise.judge(probability).p_value)
        surprise.learn(probability)
    for level in (0.5, 0.1, 0.02):
        share = sum(p <= level for p in p_values[500:]) / 3500
        assert 0.6 * level < share <= level + 0.02  # rather too careful than too bold


@pytest.mark.parametrize("probability", [-0.1, 1.1, math.nan])
def test_what_is_no_probability_is_refused(probability):
    with pytest.raises(ValueError, match="no probability"):
        Surprise().score(probability)


def test_surprise_is_at_most_65_bytes_and_goes_on_alike():
    one = Surprise()
    for k in range(5000):
        one.score((k % 17 + 1) / 17 * 0.9)
    assert len(one.to_bytes()) <= 65
    other = Surprise.from_bytes(one.to_bytes())
    assert [one.score(p / 50) for p in range(50)] == [other.score(p / 50) for p in range(50)]


@pytest.mark.parametrize(
    "blob", [b"", b"\x02", b"\x01\x01", b"\x01" + b"\x00" * 66, b"\x01\xff\xff"]
)
def test_bytes_that_are_no_surprise_are_refused(blob):
    with pytest.raises(ValueError, match="running tail"):
        Surprise.from_bytes(blob)


def test_a_value_far_outside_its_forecast_is_an_anomaly_on_either_side():
    detector = ResidualDetector()
    source = random.Random(1)
    for _ in range(300):
        detector.score(source.uniform(10.0, 30.0), LEVELS, QUANTILES)
    assert detector.judge(80.0, LEVELS, QUANTILES).score >= 0.5
    assert detector.judge(-20.0, LEVELS, QUANTILES).score >= 0.5
    assert detector.judge(18.0, LEVELS, QUANTILES).score < 0.1


def test_a_forecast_that_is_often_wrong_makes_no_alarm_of_it():
    detector = ResidualDetector()
    for k in range(300):
        detector.score(45.0 if k % 4 == 0 else 18.0, LEVELS, QUANTILES)
    assert detector.judge(45.0, LEVELS, QUANTILES).score < 0.3


def test_less_than_a_unit_from_a_certain_forecast_is_no_anomaly():
    certain = ResidualDetector(unit=1.0)
    for _ in range(300):
        certain.learn(0.0, LEVELS, (0.0,) * 5)
    assert certain.judge(0.0, LEVELS, (0.0,) * 5).score < 0.1
    assert certain.judge(25.0, LEVELS, (0.0,) * 5).score >= 0.5


@pytest.mark.parametrize(
    ("levels", "quantiles"),
    [((0.5,), (1.0,)), ((0.5, 0.4), (1.0, 2.0)), ((0.1, 0.9), (2.0, 1.0)),
     ((0.0, 0.9), (1.0, 2.0)), ((0.1, 0.9), (1.0, math.inf)), ((0.1, 0.5, 0.9), (1.0, 2.0))],
)  # fmt: skip
def test_what_is_no_forecast_is_refused(levels, quantiles):
    with pytest.raises(ValueError, match=r"levels|finite"):
        ResidualDetector().score(1.0, levels, quantiles)


def test_residuals_go_on_alike_after_saving():
    one = ResidualDetector()
    for k in range(500):
        one.score(float(k % 40), LEVELS, QUANTILES)
    other = ResidualDetector.from_bytes(one.to_bytes())
    for k in range(100):
        value = float(k % 50)
        assert one.score(value, LEVELS, QUANTILES) == other.score(value, LEVELS, QUANTILES)


def test_a_change_of_level_is_found_once_with_its_means():
    detector, source = DriftDetector(), random.Random(2)
    shifts = [detector.update(source.gauss(5.0 if k < 600 else 8.0, 1.0)) for k in range(1200)]
    found = [(k, s) for k, s in enumerate(shifts) if s]
    assert 600 <= found[0][0] < 700
    assert found[0][1].before == pytest.approx(5.0, abs=0.5)
    assert found[0][1].after > found[0][1].before


def test_no_drift_is_found_in_noise_and_missing_values_are_left_out():
    detector, source = DriftDetector(), random.Random(3)
    values = [math.nan if k % 9 == 0 else source.random() for k in range(2000)]
    assert not any(detector.update(value) for value in values)


def test_drift_goes_on_alike_after_saving():
    one, source = DriftDetector(), random.Random(4)
    for _ in range(700):
        one.update(source.random())
    other = DriftDetector.from_bytes(one.to_bytes())
    values = [source.random() + (k > 50) for k in range(300)]
    assert [one.update(v) for v in values] == [other.update(v) for v in values]


@pytest.mark.parametrize("blob", [b"", b"nonsense"])
def test_bytes_that_are_no_drift_detector_are_refused(blob):
    with pytest.raises(ValueError, match=r"."):
        DriftDetector.from_bytes(blob)
