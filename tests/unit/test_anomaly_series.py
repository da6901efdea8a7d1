"""The series detector: what it alarms on, what it does not, and that its state is all of it."""

import math
import random
import struct

import numpy as np
import pytest

from streams.models.anomaly import SeriesDetector
from tests.testkit.nab_recordings import SERIES, nab_recordings
from tests.testkit.nab_scoring import LabelledScores, nab_score

STEP_S = 300.0
MEMORY = 512


def daily(k, source):
    """A metric with a day's rhythm and noise, one point in five minutes."""
    return 50.0 + 20.0 * math.sin(2 * math.pi * k / 288) + source.gauss(0.0, 1.0)


def scores(values, detector=None):
    detector = detector or SeriesDetector(MEMORY)
    return [detector.score(value, STEP_S * k) for k, value in enumerate(values)]


@pytest.fixture
def normal():
    source = random.Random(11)
    return [daily(k, source) for k in range(1600)]


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("spike", lambda k, v: v + 60.0 if k == 1500 else v),
        ("drop to zero", lambda k, v: 0.0 if k >= 1500 else v),
        ("level shift", lambda k, v: v + 35.0 if k >= 1500 else v),
        ("noise", lambda k, v: v + 20.0 * (-1) ** k if k >= 1500 else v),
        ("night at noon", lambda k, v: 30.0 + (v % 1.0) if k >= 1500 else v),
    ],
)  # fmt: skip
def test_it_alarms_on_what_was_never_seen(normal, what, change):
    changed = scores([change(k, v) for k, v in enumerate(normal)])
    assert max(changed[1500:1560]) >= 0.5, what
    assert max(changed[1500:1560]) > max(changed[1000:1500])


def test_a_usual_day_raises_few_alarms(normal):
    assert sum(score >= 0.5 for score in scores(normal)[600:]) <= 2


def test_an_incident_that_lasts_is_one_alarm_though_it_is_still_on(normal):
    detector = SeriesDetector(MEMORY)
    alarms, still_on = 0, 0
    for k, value in enumerate(normal):
        score = detector.score(value + (80.0 if 1500 <= k < 1530 else 0.0), STEP_S * k)
        alarms += k >= 1500 and score >= 0.5
        still_on += k >= 1500 and detector.unsuppressed >= 0.5
    assert 1 <= alarms <= 3
    assert still_on > 10


def test_a_spike_seen_often_is_no_longer_news():
    source = random.Random(3)
    spikes = range(750, 3000, 200)
    values = [10.0 + source.random() + (50.0 if k in spikes else 0.0) for k in range(3000)]
    given = scores(values)
    assert given[750] >= 0.5
    assert all(given[k] < 0.5 for k in spikes[4:])


@pytest.mark.parametrize("value", [0.0, 7.25, -1e90])
def test_a_constant_series_never_alarms(value):
    assert max(scores([value] * 700)) == 0.0


def test_a_first_change_after_long_constancy_alarms():
    assert scores([5.0] * 700 + [5.5])[-1] >= 0.5


def test_scores_do_not_depend_on_the_unit(normal):
    # A power of two changes no digit: equal to the bit.
    assert scores(normal) == scores([value * 1024.0 for value in normal])


def test_missing_values_score_zero_and_are_not_learned(normal):
    detector = SeriesDetector(MEMORY)
    for k, value in enumerate(normal[:300]):
        detector.score(value, STEP_S * k)
    before = detector.to_bytes()
    assert detector.score(math.nan, 1.0) == detector.score(math.inf, 1.0) == 0.0
    assert detector.score(1.0, math.nan) == 0.0
    assert detector.to_bytes() == before


def test_the_expected_range_holds_nearly_all_of_a_usual_day(normal):
    detector = SeriesDetector(MEMORY)
    inside = 0
    for k, value in enumerate(normal):
        low, high = detector.expected(STEP_S * k)
        inside += k >= 1000 and low <= value <= high
        detector.score(value, STEP_S * k)
    assert inside >= 0.95 * 600


@pytest.mark.parametrize("cut", [0, 5, 511, 513, 1400])
def test_a_saved_and_restored_detector_goes_on_equal_to_the_bit(normal, cut):
    one = SeriesDetector(MEMORY)
    for k in range(cut):
        one.score(normal[k], STEP_S * k)
    other = SeriesDetector.from_bytes(one.to_bytes())
    for k in range(cut, cut + 150):
        assert one.score(normal[k], STEP_S * k) == other.score(normal[k], STEP_S * k)
    assert one.to_bytes() == other.to_bytes()


def test_the_state_stays_as_small_as_stated(normal):
    detector = SeriesDetector()
    for k, value in enumerate(normal):
        detector.score(value, STEP_S * k)
    assert len(detector.to_bytes()) <= 64 * 1024
    assert len(SeriesDetector(1024).to_bytes()) <= 32 * 1024


@pytest.mark.parametrize("memory", [0, 127, 65_537])
def test_a_memory_out_of_range_is_refused(memory):
    with pytest.raises(ValueError, match="memory"):
        SeriesDetector(memory)


def hostile(place, value):
    blob = bytearray(SeriesDetector(MEMORY).to_bytes())
    struct.pack_into("<d", blob, 5 + 8 * place, value)
    return bytes(blob)


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"\x03",
        b"\x00" + SeriesDetector(MEMORY).to_bytes()[1:],
        SeriesDetector(MEMORY).to_bytes()[:-8],
        struct.pack("<BI", 3, 1 << 31),
        hostile(0, -1.0),
        hostile(0, 0.5),
        hostile(0, 1e300),
        hostile(3, math.inf),
        hostile(40, math.nan),
        hostile(2, -1.0),
        hostile(700, -1.0),
    ],
)
def test_bytes_that_are_no_detector_are_refused(blob):
    with pytest.raises(ValueError, match=r"detector|memory"):
        SeriesDetector.from_bytes(blob)


@pytest.fixture
def nab_cloud():
    if not SERIES.exists():
        pytest.skip("no recordings in ../shared/data")
    return {name: r for name, r in nab_recordings().items() if "ec2_cpu" in name}


@pytest.mark.recordings
def test_the_benchmark_score_holds_on_its_cloud_series(nab_cloud):
    """4 of the 24 series; the whole is measured by tests/bench/bench_anomalies.py."""
    corpus = {}
    for name, (times, values, windows) in nab_cloud.items():
        detector = SeriesDetector()
        given = np.array([detector.score(v, t) for t, v in zip(times, values, strict=True)])
        corpus[name] = LabelledScores(given, windows)
    assert nab_score(corpus, 0.5) >= 70.0
