"""What a pool makes of what partitions tell it, however often and in whatever pieces."""

from schemas.records import DemandObserved, MinuteDemand
from streams.pipeline.pool_minutes import PoolMinutes

HOUR = 480_000 * 60  # a full hour, in minutes since the epoch


def told(closed: int, *launched: int, expected: float = 0.0) -> DemandObserved:
    """One partition's word: closed up to a minute past the hour, a launch in each of some."""
    minutes = [
        MinuteDemand(
            time=(HOUR + minute) * 60_000, launches=1, cpu_millicore_ms=0, memory_kib_ms=0,
            storage_kib_ms=0, network_byte_ms=0, cpu_millicores=0, memory_kib=0, storage_kib=0,
            network_bytes_per_s=0,
        )
        for minute in launched
    ]  # fmt: skip
    return DemandObserved(
        pool="p", source_partition=0, source_offset=0, closed_through=(HOUR + closed) * 60_000,
        minutes=minutes, expected_launches=expected,
    )  # fmt: skip


def launches(minutes: PoolMinutes) -> dict[int, int]:
    """Launches by minute past the hour, of what is closed now."""
    return {s.first - HOUR: s.launches for s in minutes.close() if s.launches}


def test_what_was_told_before_is_no_news():
    minutes = PoolMinutes(1, 0, {})
    assert minutes.tell(told(10, 3, 7))
    assert not minutes.tell(told(10, 3, 7))
    assert launches(minutes) == {3: 1, 7: 1}


def test_a_minute_that_is_told_again_with_later_ones_counts_once():
    minutes = PoolMinutes(1, 0, {})
    assert minutes.tell(told(10, 3, 7))
    assert launches(minutes) == {3: 1, 7: 1}
    assert minutes.tell(told(15, 3, 7, 12))  # after a crash, with the heartbeat between overtaken
    assert launches(minutes) == {12: 1}


def test_what_is_expected_of_an_hour_counts_once_a_partition():
    minutes = PoolMinutes(1, 0, {})
    minutes.tell(told(-2))
    minutes.tell(told(1, expected=4.0))
    minutes.tell(told(5, expected=4.0))
    assert minutes.expected_of(HOUR // 60) == 4.0
