"""Crowds, silences and bad service: what each watch tells, and what it leaves alone."""

import math
import random

import pytest

from schemas.records import ReserveStatus
from streams.models.anomaly import CrowdDetector
from streams.models.anomaly.crowd import tail_of
from streams.models.anomaly.service import ServiceDetector, binomial_tail
from streams.models.anomaly.silence import SilenceWatch
from streams.pipeline.population import judged_crowds
from streams.pipeline.service_watch import ServiceWatch

HOUR_MS = 3_600_000
MINUTE_MS = 60_000


def office_hour(chance: random.Random, hour: int) -> dict[str, int]:
    """Poisson launches by program: many at nine, none at night."""
    busy = 8 <= hour % 24 <= 17 and hour // 24 % 7 < 5
    means = {"mail": 20.0 if hour % 24 == 9 else 4.0, "editor": 3.0, "calc": 0.5}
    if not busy:
        return {}
    return {
        name: sum(chance.random() < mean / 100 for _ in range(100)) for name, mean in means.items()
    }


def crowds(detector: CrowdDetector, hour: int, launches: dict[str, int]) -> list:
    return [o.record for o in judged_crowds(hour, detector.judge(hour, launches))]


def test_a_month_of_ordinary_hours_hardly_crosses_the_threshold() -> None:
    chance, detector = random.Random(1), CrowdDetector()
    told = [r for hour in range(24 * 30) for r in crowds(detector, hour, office_hour(chance, hour))]
    assert sum(record.score >= 0.5 for record in told) <= 3


def test_a_crowd_for_an_unexpected_program_is_told_with_what_was_usual() -> None:
    chance, detector = random.Random(2), CrowdDetector()
    for hour in range(24 * 14):
        detector.judge(hour, office_hour(chance, hour))
    launches = office_hour(chance, 24 * 14 + 10) | {"matlab": 30}
    (record,) = [r for r in crowds(detector, 24 * 14 + 10, launches) if r.score >= 0.5]
    assert (record.subject, record.kind, record.observed) == ("program/matlab", "crowd", 30.0)
    assert record.expected_high < 10
    assert "matlab" in record.what


def test_the_usual_rush_is_no_crowd_and_the_same_at_night_is() -> None:
    chance, detector = random.Random(3), CrowdDetector()
    for hour in range(24 * 14):
        detector.judge(hour, office_hour(chance, hour))
    rush, night = 24 * 14 + 9, 24 * 14 + 3
    assert [r for r in crowds(detector, rush, {"mail": 24}) if r.score >= 0.5] == []
    assert [r for r in crowds(detector, night, {"mail": 24}) if r.score >= 0.5] != []


def test_a_restart_changes_no_crowd() -> None:
    chance = random.Random(4)
    hours = [office_hour(chance, hour) for hour in range(200)]
    whole, parts = CrowdDetector(), CrowdDetector()
    for hour, launches in enumerate(hours):
        parts = CrowdDetector.from_bytes(parts.to_bytes())
        assert whole.judge(hour, launches) == parts.judge(hour, launches)


@pytest.mark.parametrize("count", [1, 3, 12, 60])
def test_the_tail_of_an_hour_is_the_negative_binomial_s(count: int) -> None:
    shape, exposure = 2.5, 1.5
    p = exposure / (exposure + 1)
    below = sum(
        math.exp(math.lgamma(shape + k) - math.lgamma(shape) - math.lgamma(k + 1))
        * p**shape * (1 - p) ** k
        for k in range(count)
    )  # fmt: skip
    assert tail_of(count, shape, exposure) == pytest.approx(1 - below, abs=1e-9)


def speak(watch: SilenceWatch, source: str, from_min: int, until_min: int) -> None:
    for minute in range(from_min, until_min):
        watch.heard(source, minute * MINUTE_MS)


def test_a_source_that_always_spoke_is_missed_after_ten_minutes() -> None:
    watch = SilenceWatch()
    speak(watch, "server", 0, 120)
    assert watch.missed(128 * MINUTE_MS) == []
    (silent,) = watch.missed(130 * MINUTE_MS)
    assert (silent.source, silent.limit_ms) == ("server", 600_000)


def test_it_is_told_again_while_it_lasts_and_no_more_once_it_speaks() -> None:
    watch = SilenceWatch()
    speak(watch, "server", 0, 120)
    told = [m for m in range(120, 180) if watch.missed(m * MINUTE_MS)]
    assert told == [129, 139, 149, 159, 169, 179]
    watch.heard("server", 180 * MINUTE_MS)
    assert watch.missed(182 * MINUTE_MS) == []


def test_a_laptop_that_is_shut_at_night_is_not_missed_in_the_next_night() -> None:
    watch = SilenceWatch()
    for day in range(3):
        speak(watch, "laptop", day * 1440 + 480, day * 1440 + 1020)
    assert watch.missed((3 * 1440 + 470) * MINUTE_MS) == []
    assert watch.missed((5 * 1440) * MINUTE_MS) != []


def test_a_replay_that_ends_within_the_hour_is_not_missed() -> None:
    watch = SilenceWatch()
    speak(watch, "replay", 0, 50)
    assert watch.missed(500 * MINUTE_MS) == []


def test_a_restart_changes_no_silence() -> None:
    watch = SilenceWatch()
    speak(watch, "server", 0, 120)
    again = SilenceWatch.from_bytes(watch.to_bytes())
    assert again.missed(131 * MINUTE_MS) == watch.missed(131 * MINUTE_MS) != []


def status(hour: int, hits: int, misses: int, lead_s: float = 90.0) -> ReserveStatus:
    return ReserveStatus(
        pool="office", time=hour * HOUR_MS + 1, target=3, ready=3, building=0, leased=0, cap=9,
        hits=hits, misses=misses, hit_rate=0.95, target_hit_rate=0.95, idle_instance_hours=0.0,
        lead_time_s=lead_s, reason="r",
    )  # fmt: skip


class Pool:
    """A pool's statuses, an hour at a time."""

    def __init__(self) -> None:
        self.watch = ServiceWatch("office")
        self.hour = self.hits = self.misses = 0

    def serve(self, hits: int, misses: int, lead_s: float = 90.0) -> list:
        self.hour, self.hits, self.misses = self.hour + 1, self.hits + hits, self.misses + misses
        watch = ServiceWatch("office", self.watch.save()) if self.hour % 7 == 0 else self.watch
        self.watch = watch
        return [o.record for o in watch.apply(status(self.hour, self.hits, self.misses, lead_s))]


def test_a_collapse_of_the_hit_rate_is_told() -> None:
    chance, pool = random.Random(5), Pool()
    quiet = [
        r for _ in range(300) for r in pool.serve(38, sum(chance.random() < 0.05 for _ in range(2)))
    ]
    assert [r for r in quiet if r.score >= 0.5] == []
    (record,) = [r for r in pool.serve(5, 35) if r.score >= 0.5]
    assert (record.subject, record.kind) == ("office/service", "misses")
    assert record.observed == pytest.approx(35 / 40)
    assert record.expected_high < 0.2


def test_launches_that_take_five_times_as_long_are_told() -> None:
    chance, pool = random.Random(6), Pool()
    quiet = [
        r for _ in range(200) for r in pool.serve(40, 0, 90.0 * math.exp(chance.gauss(0, 0.1)))
    ]
    assert sum(r.score >= 0.5 for r in quiet) <= 1
    (record,) = [r for r in pool.serve(40, 0, 450.0) if r.score >= 0.5]
    assert record.kind == "launch-time"
    assert record.observed > record.expected_high


def test_a_status_of_the_same_hour_or_a_repeat_says_nothing() -> None:
    watch = ServiceWatch("office")
    assert watch.apply(status(1, 100, 0)) == []
    before = watch.save()
    assert watch.apply(status(1, 100, 90)) == watch.apply(status(0, 5, 5)) == []
    assert watch.save() == before


def test_an_allocator_that_began_anew_is_no_collapse() -> None:
    watch = ServiceWatch("office")
    watch.apply(status(1, 1000, 10))
    assert watch.apply(status(2, 3, 90)) == []


def test_few_requests_say_nothing() -> None:
    assert ServiceDetector().misses(4, 4, 0.95) is None


@pytest.mark.parametrize(("k", "n", "rate"), [(1, 10, 0.1), (3, 20, 0.05), (40, 40, 0.9)])
def test_the_binomial_tail_is_exact(k: int, n: int, rate: float) -> None:
    exact = sum(math.comb(n, j) * rate**j * (1 - rate) ** (n - j) for j in range(k, n + 1))
    assert binomial_tail(k, n, rate) == pytest.approx(exact, rel=1e-9)
