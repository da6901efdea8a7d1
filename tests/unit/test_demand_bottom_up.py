"""What the combination of users' and pool's expectations promises."""

import numpy as np
import pytest

from streams.models.demand.bottom_up import BottomUp


def played(expected: np.ndarray, came: np.ndarray, top: float) -> np.ndarray:
    """Absolute errors of the combined median, hour by hour."""
    both, errors = BottomUp(), []
    pool = np.array([0.3, 1.0, 2.0]) * top
    for hour, (mean, count) in enumerate(zip(expected, came, strict=True)):
        quantiles = both.expect(pool, float(mean), hour % 168)
        errors.append(abs(quantiles[1] - count))
        both.learn(float(count), hour % 168)
    return np.array(errors)


def world(seed: int = 3, hours: int = 24 * 40):
    rng = np.random.default_rng(seed)
    means = rng.gamma(2.0, 10.0, hours)  # who is there differs, and the users' sum knows it
    return means, rng.poisson(means).astype(float), float(np.median(means))


def test_where_users_know_more_they_are_believed():
    means, came, top = world()
    errors = played(means, came, top)[500:]
    alone = np.abs(came - top)[500:]
    best = np.abs(came - means)[500:]
    assert errors.mean() < 0.5 * alone.mean()
    assert errors.mean() < 1.1 * best.mean()


def test_where_users_know_nothing_the_pool_is_believed():
    _, came, top = world()
    junk = np.random.default_rng(8).gamma(0.5, 80.0, len(came))
    errors = played(junk, came, top)[500:]
    assert errors.mean() < 1.1 * np.abs(came - top)[500:].mean()


def test_a_bias_of_the_users_sum_is_learnt():
    means, came, top = world()
    assert played(means / 3.0, came, top)[700:].mean() < 1.3 * played(means, came, top)[700:].mean()


def test_the_interval_of_the_users_sum_holds_and_widens_when_they_move_together():
    rng = np.random.default_rng(5)
    widths = []
    for shock in (0.0, 0.5):
        both, inside = BottomUp(), []
        for hour in range(24 * 40):
            mean = 30.0
            quantiles = both.expect(np.array([0.0, 300.0, 900.0]), mean, hour % 168)
            count = rng.poisson(mean * np.exp(shock * rng.normal() - shock * shock / 2.0))
            inside.append(quantiles[0] <= count <= quantiles[2])
            both.learn(float(count), hour % 168)
        assert 0.84 < np.mean(inside[400:]) < 0.97
        widths.append(quantiles[2] - quantiles[0])
    assert widths[1] > 1.5 * widths[0]


def test_a_snapshot_goes_on_to_the_bit():
    means, came, top = world(hours=200)
    both = BottomUp()
    for hour in range(100):
        both.expect(np.array([0.0, top, 2 * top]), float(means[hour]), hour)
        both.learn(float(came[hour]), hour)
    restored = BottomUp.from_bytes(both.to_bytes())
    for one in (both, restored):
        one.learn(3.0, 4)
    assert restored.to_bytes() == both.to_bytes()


@pytest.mark.parametrize("data", [b"", b"\x00" * 17])
def test_bytes_that_are_no_state_are_refused(data):
    with pytest.raises(ValueError, match="state"):
        BottomUp.from_bytes(data)
