"""Scores the probabilities that a program is launched within five minutes, and the rules."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from streams.backtest.programs_play import Played
from streams.backtest.programs_rows import Launch

WINDOW_S = 300.0
LEAST_P = 0.05
MOST = 5
BINS = 15

Times = dict[tuple[str, str], list[float]]


def stated(played: Played, place: int) -> list[tuple[str, float]]:
    """Return the programs and probabilities that are written for a row."""
    said = [(c.program, c.p_5m) for c in played.after[place] if c.p_5m >= LEAST_P]
    return sorted(said, key=lambda pair: (-pair[1], pair[0]))[:MOST]


def score_within(launches: list[Launch], played: Played) -> dict[str, Any]:
    """Return Brier score, skill over the running base rate, calibration error and rules.

    The base rate is that of the user and program: how often the program came within the window
    after the user's earlier rows whose window had closed, with one half a hit in one row to start.
    """
    rows = np.array(list(_outcomes(launches, played)), np.float64).reshape(-1, 3)
    p, base, hit = rows.T
    brier = float(np.mean((p - hit) ** 2)) if len(rows) else None
    of_base = float(np.mean((base - hit) ** 2)) if len(rows) else 0.0
    return {
        "brier": brier,
        "brier_skill": 1 - brier / of_base if brier is not None and of_base else None,
        "ece": calibration_error(p, hit) if len(rows) else None,
        "rows": len(rows),
        "rules": played.rules,
    }


def _times(launches: list[Launch]) -> tuple[Times, dict[str, list[float]]]:
    by_program: Times = defaultdict(list)
    by_user: dict[str, list[float]] = defaultdict(list)
    for launch in launches:
        by_program[launch.user, launch.program].append(launch.time_s)
        by_user[launch.user].append(launch.time_s)
    return by_program, by_user


def _came(times: list[float], time_s: float) -> bool:
    """Tell whether one of the times is within (time_s, time_s + 300 s]."""
    at = bisect_right(times, time_s)
    return at < len(times) and times[at] <= time_s + WINDOW_S


def _outcomes(launches: list[Launch], played: Played) -> Iterator[tuple[float, float, float]]:
    by_program, by_user = _times(launches)
    rates = {pair: running_rates(by_user[pair[0]], times) for pair, times in by_program.items()}
    for place, launch in enumerate(launches):
        user_times = by_user[launch.user]
        if user_times[-1] - launch.time_s < WINDOW_S:
            continue
        closed = bisect_right(user_times, launch.time_s - WINDOW_S)
        for program, p in stated(played, place):
            times = by_program.get((launch.user, program), [])
            hits = rates[launch.user, program][closed] if times else 0
            yield p, (hits + 0.5) / (closed + 1.0), float(_came(times, launch.time_s))


def running_rates(user_times: list[float], times: list[float]) -> npt.NDArray[np.int64]:
    """Return, by number of the user's rows, after how many of them the program came in time.

    Examples
    --------
    >>> running_rates([0.0, 100.0, 900.0], [100.0])
    array([0, 1, 1, 1])
    """
    came = [_came(times, time_s) for time_s in user_times]
    return np.concatenate(([0], np.cumsum(came))).astype(np.int64)


def calibration_error(p: npt.NDArray[np.float64], hit: npt.NDArray[np.float64]) -> float:
    """Return the expected calibration error over bins of equal mass.

    Examples
    --------
    >>> calibration_error(np.array([0.5, 0.5]), np.array([0.0, 1.0]))
    0.5
    """
    order = np.argsort(p, kind="stable")
    bins = [part for part in np.array_split(order, BINS) if len(part)]
    return float(sum(abs(p[b].mean() - hit[b].mean()) * len(b) for b in bins) / len(p))
