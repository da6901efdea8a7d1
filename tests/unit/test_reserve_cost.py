"""The cost report of `backtest reserve`: paid, waited, saved, regretted, and how it is told."""

import json
import re

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from streams.backtest.reserve import ReserveOptions, command, run
from streams.backtest.reserve_baselines import Hindsight
from streams.backtest.reserve_hindsight import best_blocks
from streams.backtest.reserve_report import (
    first_after_idle,
    hit_rate_by_hour,
    missed_without_warning,
)
from streams.backtest.reserve_run import Replayed, Trace
from streams.backtest.reserve_told import print_hours, print_promise

DAY_S = 86_400.0
START = 1_700_006_400  # a midnight, UTC


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """Ten days of a request every other minute by day, and a crowd of four each noon."""
    day = [*np.arange(9 * 3600, 17 * 3600, 120.0), *[12 * 3600 + 60.0] * 4]
    times = sorted(START + d * DAY_S + t for d in range(10) for t in day)
    path = tmp_path_factory.mktemp("cost") / "t.csv"
    rows = "".join(f"{t:.0f},u{k % 7},mail\n" for k, t in enumerate(times))
    path.write_text(f"time,user,program\n{rows}")
    return path


@pytest.fixture(scope="module")
def scored(recording):
    options = ReserveOptions(recording, "time", "user", "program", target_hit_rate=0.9, front=True)
    return run(options)


def test_hits_and_misses_make_all_requests_and_their_waits(scored):
    cost = scored["cost"]
    assert cost["hits"] + cost["misses"] == scored["requests"]
    assert cost["hits"] / scored["requests"] == pytest.approx(scored["hit_rate"])
    assert cost["waited_s"] == 90.0 * cost["misses"]
    assert cost["saved_wait_s"] == 90.0 * cost["hits"]


def test_hours_paid_are_the_mean_size_over_the_time(scored):
    cost = scored["cost"]
    ratio = cost["idle_instance_hours"] / cost["paid_instance_hours"]
    assert ratio == pytest.approx(scored["ready_mean"] / scored["paid_mean"])
    assert 0.0 < ratio < 1.0


def test_regret_is_told_against_simple_policies_and_the_best_blocks(scored):
    regret = scored["regret_against"]
    assert {"constant", "two_level_schedule", "last_hour_max", "best_half_hourly"} <= set(regret)
    half_hourly = scored["best_half_hourly"]["paid_mean"]
    assert regret["best_half_hourly"] == pytest.approx(scored["paid_mean"] - half_hourly)
    constant = scored["baselines"]["constant"]["paid_mean"]
    assert regret["constant"] == pytest.approx(scored["paid_mean"] - constant)


def test_hindsight_by_blocks_keeps_the_promise_below_what_a_constant_pays(recording):
    times = np.loadtxt(recording, delimiter=",", skiprows=1, usecols=0)
    trace = Hindsight(times, 90.0)
    best = best_blocks(trace, 0.9, 1_800.0)
    assert best.hit_rate >= 0.9
    constant = trace.constant(trace.least_constant(0.9))
    # Nobody asks by night: two thirds of what a constant size pays.
    assert best.paid_mean < 0.6 * constant.paid_mean


def test_each_further_tenth_of_a_percent_has_a_price(scored):
    front = sorted(scored["front"], key=lambda point: point["hit_rate"])
    for price in scored["price_of_hits"]:
        low, high = (
            next(p for p in front if p["hit_rate"] == price[end]) for end in ("from", "to")
        )
        steps = 1000.0 * (high["hit_rate"] - low["hit_rate"])
        paid = price["paid_per_0.1%"] * steps
        assert paid == pytest.approx(high["paid_mean"] - low["paid_mean"], abs=1e-6 * steps)
    assert scored["price_of_hits"]


def app():
    app = typer.Typer()
    app.command()(command)
    return app


def played(times, hits):
    return Trace(np.array(times), ["ann"] * len(times)), Replayed(np.array(hits))


def test_a_first_request_is_one_after_four_idle_hours_of_the_same_person():
    times = [0.0, DAY_S, DAY_S + 600.0, DAY_S + 5 * 3600.0, DAY_S + 10 * 3600.0]
    trace, done = played(times, [False, True, False, True, False])
    firsts = first_after_idle(trace, done)
    # The second of the day comes ten minutes after the first: its miss does not count here.
    assert (firsts["requests"], firsts["warm"]) == (3, pytest.approx(2 / 3))
    assert (firsts["people"], firsts["people_at_85"]) == (1, 0.0)


def test_hits_are_told_by_hour_of_the_day_from_the_second_day_on():
    times = [3600.0, 3600.0 + DAY_S, 3700.0 + DAY_S, 7200.0 + DAY_S]
    by_hour = hit_rate_by_hour(*played(times, [False, True, False, True]))
    assert by_hour[1:3] == [0.5, 1.0]
    assert by_hour[0] is None


def test_a_miss_has_no_warning_where_nobody_asked_before_the_last_launch_that_could_help():
    # One after an hour's silence, one 80 s later that a launch at the first can't serve either, and
    # one that a launch ten minutes ago would have served.
    times = [0.0, DAY_S + 3600.0, DAY_S + 3680.0, DAY_S + 4280.0]
    trace, done = played(times, [False, False, False, False])
    assert missed_without_warning(trace, done, 90.0) == pytest.approx(2 / 3)
    assert missed_without_warning(*played(times, [False, True, True, True]), 90.0) is None


@pytest.mark.parametrize(
    ("hit_rate", "told"),
    [(0.9461, "promise of 95.0% kept: 94.61%"), (0.93, "promise of 95.0% missed by 2.0 points")],
)
def test_the_operator_is_told_when_the_promise_was_not_kept(capsys, hit_rate, told):
    print_promise({"hit_rate": hit_rate, "missed_without_warning": 0.2}, 0.95)
    shown = " ".join(capsys.readouterr().out.split())
    assert shown.startswith(told)
    assert shown.endswith("20% of the misses came after 15 minutes without any request")


def test_the_report_says_in_which_hours_the_promise_does_not_hold(capsys):
    print_hours([None, 0.7, 0.93, 0.99], 0.95)
    told = " ".join(capsys.readouterr().out.split())
    assert "01h 70.0%, 02h 93.0%, 03h 99.0%" in told
    assert told.endswith("more than 5% below the promise: 01h")


def test_an_operator_reads_all_of_it_in_the_terminal(recording):
    asked = f"{recording} --time time --user user --target-hit-rate 0.9"
    shown = CliRunner().invoke(app(), asked.split(), env={"COLUMNS": "120"})
    assert shown.exit_code == 0, shown.output
    for text in (
        "instance-hours paid", "ready and idle", "misses", "hours of waiting saved",
        "against two level schedule", "against best half hourly", "first requests after 4 idle",
        "of these warm", "promise of 90.0%", "worst hours of the day",
    ):  # fmt: skip
        assert re.search(text, shown.output), text


def test_the_same_is_there_for_machines(recording):
    asked = f"{recording} --time time --user user --json"
    shown = CliRunner().invoke(app(), asked.split())
    assert {"cost", "regret_against", "hit_rate_by_hour", "first_after_idle"} <= set(
        json.loads(shown.stdout)
    )
