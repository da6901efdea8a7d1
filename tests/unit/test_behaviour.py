"""Launches are judged against their user: surprise, drift, and what restarts must not change."""

import random

import pytest

from streams.pipeline.behaviour import LEAST_LAUNCHES, BehaviourWatch
from streams.pipeline.outputs import output_id


def told(watch: BehaviourWatch, probabilities: list[float], first: int = 0) -> list:
    return [
        output.record
        for k, p in enumerate(probabilities, first)
        for output in watch.launched(
            output_id("profile", 0, k), "ada", "matlab", 60.0 * k, min(p, 1.0), k
        )
    ]


def habits(seed: int, mean: float, count: int) -> list[float]:
    chance = random.Random(seed)
    return [min(1.0, max(0.0, chance.gauss(mean, 0.1))) for _ in range(count)]


def test_what_the_profile_never_gave_is_a_surprise() -> None:
    watch = BehaviourWatch()
    assert [r for r in told(watch, [0.5] * 200) if r.score >= 0.5] == []
    (record,) = told(watch, [0.0], 200)
    assert (record.subject, record.kind) == ("user/ada", "surprise")
    assert record.score >= 0.5
    assert record.observed > record.expected_high
    assert "matlab" in record.what


def test_a_user_of_ever_new_programs_is_not_surprising() -> None:
    assert [r for r in told(BehaviourWatch(), [0.001] * 400) if r.kind == "surprise"] == []


def test_nothing_is_said_of_a_user_who_is_hardly_known() -> None:
    assert told(BehaviourWatch(), [0.5] * (LEAST_LAUNCHES - 1) + [0.0])[:-1] == []


def test_a_change_for_good_is_drift_and_is_told_once() -> None:
    watch = BehaviourWatch()
    quiet = told(watch, habits(1, 0.7, 400))
    after = told(watch, habits(2, 0.05, 400), 400)
    assert [r for r in quiet if r.kind == "drift"] == []
    drifts = [r for r in after if r.kind == "drift"]
    assert 1 <= len(drifts) <= 3
    assert drifts[0].observed > drifts[0].expected_high
    assert (drifts[0].time / 60_000) - 400 < 100


@pytest.mark.parametrize("cut", [1, 77, 300])
def test_a_restart_changes_no_judgement(cut: int) -> None:
    probabilities = habits(3, 0.6, 250) + habits(4, 0.1, 250)
    whole = told(BehaviourWatch(), probabilities)
    watch = BehaviourWatch()
    parts = told(watch, probabilities[:cut])
    parts += told(BehaviourWatch(watch.save()), probabilities[cut:], cut)
    assert parts == whole
    assert whole
