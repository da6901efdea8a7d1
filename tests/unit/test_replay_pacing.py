"""Hours of event time are closed before a replay goes past what they taught."""

from streams.collect.event_clock import EventClock
from streams.collect.hours import HOUR_MS, OpenHours, applies_from_ms
from streams.collect.pacing import Pacing

APPLIES_0 = applies_from_ms(0)


class Ticks:
    def __init__(self) -> None:
        self.log: list[tuple[str, int]] = []

    def tick(self, time: float) -> None:
        self.log.append(("tick", round(time * 1000)))

    def wait(self, hour: int, stopped) -> bool:
        self.log.append(("wait", hour))
        return True


def test_the_hour_before_the_last_is_not_forgotten() -> None:
    hours = OpenHours()
    hours.note(1)
    hours.note(HOUR_MS + 60_000)  # hour 1 begins before hour 0 applies
    assert hours.close_before(APPLIES_0) == 0
    assert hours.close_before(2 * HOUR_MS) is None
    assert hours.close_before(applies_from_ms(1)) == 1


def test_hours_without_events_are_not_waited_for() -> None:
    seen = Ticks()
    pacing = Pacing(seen, seen, lambda: False)
    pacing.before(10)
    pacing.before(50 * HOUR_MS + 7)
    assert seen.log == [("tick", APPLIES_0), ("wait", 0), ("tick", 50 * HOUR_MS)]


def test_no_tick_is_later_than_the_event_that_follows() -> None:
    seen = Ticks()
    pacing = Pacing(seen, seen, lambda: False)
    for time_ms in range(0, 30 * HOUR_MS, 1_234_567):
        pacing.before(time_ms)
        assert all(at <= time_ms for what, at in seen.log if what == "tick")


def test_what_an_earlier_run_has_paced_is_not_paced_again() -> None:
    seen = Ticks()
    pacing = Pacing(seen, seen, lambda: False)
    pacing.skip(10)
    pacing.skip(3 * HOUR_MS)
    pacing.before(4 * HOUR_MS + 300_000)
    assert seen.log == [("tick", 4 * HOUR_MS + 300_000), ("wait", 3)]


def test_the_last_tick_closes_the_last_hour() -> None:
    seen = Ticks()
    pacing = Pacing(seen, seen, lambda: False)
    pacing.before(10)
    pacing.finish(2 * HOUR_MS)
    assert seen.log == [("tick", 2 * HOUR_MS), ("wait", 0)]


def test_event_time_runs_at_its_speed_and_never_past_the_next_event() -> None:
    wall = [0.0]
    clock = EventClock(10.0, lambda: wall[0])
    assert clock.ahead_s(0) == 0.0
    assert clock.ahead_s(100_000) == 10.0
    assert clock.event_ms(100_000) == 0
    wall[0] = 4.0
    assert clock.event_ms(100_000) == 40_000
    wall[0] = 99.0
    assert clock.event_ms(100_000) == 100_000
