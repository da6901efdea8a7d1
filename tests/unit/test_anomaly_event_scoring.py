"""Event-level F1, on examples small enough to count by hand."""

import numpy as np
import pytest

from tests.testkit.event_scoring import EventCounts, best_f1, count_events, spans


def flags(*rows, length=200):
    given = np.zeros(length, bool)
    given[list(rows)] = True
    return given


def test_runs_are_joined_over_a_small_gap():
    assert spans(flags(3, 4, 9)) == [(3, 4), (9, 9)]
    assert spans(flags(3, 4, 9), gap=4) == [(3, 9)]


def test_an_alarm_anywhere_in_an_event_finds_it_once():
    labels = flags(*range(50, 60), *range(150, 155))
    counts = count_events(flags(55, 57, 100), labels)
    assert counts == EventCounts(found=1, missed=1, false_alarms=1)
    assert counts.f1 == pytest.approx(2 / 4)


def test_alarms_a_little_early_or_late_find_the_event():
    assert count_events(flags(40), flags(50, 51)) == EventCounts(found=1)
    assert count_events(flags(30), flags(50, 51)) == EventCounts(missed=1, false_alarms=1)


def test_an_alarm_that_is_always_on_is_not_perfect():
    always = np.ones(200, bool)
    assert count_events(always, flags(*range(50, 60))) == EventCounts(found=1, false_alarms=15)


def test_the_best_threshold_finds_what_can_be_found():
    scores = np.where(flags(55), 0.9, 0.0)
    assert best_f1([(scores, flags(*range(50, 60)))])[0] == 1.0


def test_without_events_or_alarms_there_is_nothing_to_rate():
    assert EventCounts().f1 == 0.0
