"""How probabilities within windows are followed up and corrected."""

import numpy as np
import pytest

from streams.models.programs.calibration import (
    CALIBRATION_BINS,
    P_BINS,
    PRIOR,
    WINDOWS,
    adapt,
    calibrated,
    follow,
    resolve,
    shifts_of,
    short_hash,
)
from streams.models.programs.waiting import nothing_followed, packed, unpacked

WINDOWS_MS = np.array([60_000, 300_000, 900_000, 3_600_000], np.int64)
VIM, MAKE = 123_456_789, 987_654_321


def stated(*log_odds):
    """The same log-odds in all windows, one row for each candidate."""
    return np.repeat(np.array(log_odds)[:, None], WINDOWS, axis=1)


def followed_at(times_ms, came=lambda _: None):
    """Follow vim at each time, let what came come, and return all that was settled."""
    waiting, sizes = nothing_followed()
    own, settled = np.zeros((WINDOWS, 2), np.float32), []
    bins = np.arange(WINDOWS, dtype=np.int64)[None, :]
    for launch, time_ms in enumerate(times_ms):
        program = came(time_ms) or MAKE
        args = (waiting, sizes, WINDOWS_MS, short_hash(program), time_ms, own)
        settled.append(resolve(*args).copy())
        names = np.array([VIM], np.int64)
        follow(waiting, sizes, WINDOWS_MS, names, stated(0.0), bins, time_ms, launch)
    return np.concatenate(settled), waiting, sizes, own


def test_every_launch_counts_once_however_dense_they_are():
    burst = [1000 * k for k in range(200)]  # all within one eighth of an hour
    later = [10_000_000]
    rows, *_ = followed_at(burst + later)
    for window in range(WINDOWS):
        assert rows[rows[:, 0] == window, 2].sum() == len(burst)


def test_a_hit_is_settled_when_its_window_closes_not_before():
    times = [0, 100_000, 400_000]
    rows, *_ = followed_at(times, came=lambda t: VIM if t == 100_000 else None)
    five_minutes = rows[(rows[:, 0] == 1)]
    # The first launch's window holds vim; the second one's (to 400 s) is still open at 400 s.
    assert five_minutes.tolist() == [[1, 1, 1]]
    one_minute = rows[rows[:, 0] == 0]
    assert one_minute[:, 1].tolist() == [0, 0]


def test_a_launch_at_the_same_moment_is_no_hit():
    rows, *_ = followed_at([0, 0, 10_000_000], came=lambda t: VIM if t == 0 else None)
    assert rows[:, 1].sum() == 0


def test_what_waits_survives_its_bytes():
    _, waiting, sizes, _ = followed_at([0, 70_000, 71_000, 500_000])
    again, sizes_again = unpacked(packed(waiting, sizes, 500_000), 500_000)
    assert sizes_again.tolist() == sizes.tolist()
    for window, size in enumerate(sizes):
        assert (again[window, :size] == waiting[window, :size]).all()


@pytest.mark.parametrize("data", [b"", b"\xff", b"\x01abc"])
def test_broken_bytes_of_what_waits_are_refused(data):
    with pytest.raises(ValueError, match="waiting"):
        unpacked([data] * WINDOWS, 0)


def test_a_user_who_is_slower_than_stated_is_believed():
    own = np.zeros((WINDOWS, 2), np.float32)
    for k in range(2000):
        for window in range(WINDOWS):
            adapt(own, window, 0.0, int(k % 5 == 0), 1)
    assert calibrated(stated(0.0), own)[0].tolist() == pytest.approx([0.2] * WINDOWS, abs=0.05)


def test_bins_are_shifted_to_their_frequency_and_young_ones_less():
    counts = np.zeros((2, CALIBRATION_BINS), np.int64)
    middle = P_BINS // 2
    counts[:, middle] = 100_000, 20_000
    counts[:, P_BINS + middle] = int(PRIOR), 0
    shifts = shifts_of(counts)
    log_odds = 0.5 / 3
    assert 1 / (1 + np.exp(-(log_odds + shifts[middle]))) == pytest.approx(0.2, abs=0.001)
    assert -1.5 < shifts[P_BINS + middle] < -0.5
    assert shifts[2 * P_BINS + middle] == 0
