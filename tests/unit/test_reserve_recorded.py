"""The reserve's promise and cost on a recorded trace."""

from pathlib import Path

import pytest

from streams.backtest.reserve import ReserveOptions, run

REQUESTS = Path(__file__).parents[2].parent / "shared/data/prepared/requests"
NASA = REQUESTS / "jobs_nasa_ipsc_1993.csv.gz"


@pytest.mark.recordings
@pytest.mark.skipif(not NASA.exists(), reason=f"no recordings in {REQUESTS}")
@pytest.mark.parametrize(("target", "best_simple", "share"), [(0.95, 2.8, 0.85), (0.99, 6.7, 0.75)])
def test_nasa_keeps_the_promise_at_less_than_the_best_simple_policy(target, best_simple, share):
    options = ReserveOptions(
        NASA, "time", "user", "program", target_hit_rate=target, baselines=False
    )
    result = run(options)
    assert result["hit_rate"] >= target - 0.005
    assert result["paid_mean"] <= share * best_simple
    assert result["launched_per_request"] <= 1.5
    # Not at 95 %: one crowd of nine breaks an hour of 58 requests, see docs/explanation/reserve.md.
    if target > 0.98:
        asked = [rate for rate in result["hit_rate_by_hour"] if rate is not None]
        assert min(asked) >= target - 0.05
    assert result["first_after_idle"]["warm"] >= 0.85
