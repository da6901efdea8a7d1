"""The benchmark's scoring, on examples small enough to score by hand."""

import math

import numpy as np
import pytest

from tests.testkit.nab_scoring import LabelledScores, best_threshold, nab_score, probation_rows


def corpus(rows, windows, alarms):
    scores = np.zeros(rows)
    for row, score in alarms.items():
        scores[row] = score
    return {"one": LabelledScores(scores, windows)}


def sigmoid(x):
    return 2 / (1 + math.exp(-x)) - 1


def test_no_alarms_score_nothing():
    assert nab_score(corpus(100, [(50, 59)], {}), 0.5) == 0.0


def test_an_alarm_on_the_first_row_of_each_window_is_perfect():
    perfect = corpus(100, [(30, 39), (50, 59)], {30: 1.0, 50: 1.0})
    assert nab_score(perfect, 0.5) == pytest.approx(100.0)


def test_a_later_alarm_is_worth_less_and_only_the_first_counts():
    # row 55 of (50..59): position -(60-55)/10 = -0.5
    worth = sigmoid(2.5) / sigmoid(5)
    late = corpus(100, [(50, 59)], {55: 1.0, 58: 1.0})
    assert nab_score(late, 0.5) == pytest.approx(100 * (worth + 1) / 2)


def test_a_false_alarm_before_any_window_costs_its_full_weight():
    early = corpus(100, [(50, 59)], {20: 1.0, 50: 1.0})
    assert nab_score(early, 0.5) == pytest.approx(100 * (1 - 0.11 + 1) / 2)


def test_a_false_alarm_just_after_a_window_costs_less():
    # row 60 is 1 row past a window of width 10: position 1/9
    after = corpus(100, [(50, 59)], {50: 1.0, 60: 1.0})
    assert nab_score(after, 0.5) == pytest.approx(100 * (2 - 0.11 * sigmoid(5 / 9)) / 2)


def test_the_first_rows_are_on_probation():
    assert probation_rows(100) == 15
    assert probation_rows(20_000) == 750
    assert nab_score(corpus(100, [(50, 59)], {14: 1.0}), 0.5) == 0.0


def test_the_best_threshold_is_one_for_all_series():
    both = corpus(100, [(50, 59)], {50: 0.7, 80: 0.3}) | {
        "two": LabelledScores(np.where(np.arange(100) == 30, 0.6, 0.0), [(30, 39)])
    }
    best = best_threshold(both)
    assert best.threshold == 0.6
    assert best.score == pytest.approx(100.0)
    assert best.score == nab_score(both, best.threshold)


def test_the_best_threshold_counts_equal_scores_together():
    tied = corpus(100, [(50, 59)], {50: 0.7, 20: 0.7})
    assert best_threshold(tied).score == pytest.approx(nab_score(tied, 0.7))
