"""The shadow backtest: what is saved and wasted, within the budget, as a stranger counts it."""

import csv
import json
import math
import random
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from allocator.policy.arrival import Arrival
from allocator.policy.shadow import Preparation, waits
from streams.backtest.programs_rows import Launch
from streams.backtest.shadow import BUDGETS, OURS, command
from streams.backtest.shadow_play import Budget, ByValue, Replay
from streams.backtest.shadow_rule import Followers, MostFrequent, least_prices

STEPS = Preparation(saves_s=20.0, takes_s=20.0, cost_s=0.0, ttl_s=900.0, rebuild_s=60.0)


def launches_of(*rows: tuple[float, str]) -> list[Launch]:
    return [Launch(row, "ann", program, time_s) for row, (time_s, program) in enumerate(rows)]


def test_a_hit_saves_what_was_done_by_then_and_wastes_the_wait() -> None:
    launches = launches_of((0, "a"), (100, "b"), (1000, "a"), (1010, "b"), (2000, "a"), (2050, "b"))
    runs = Replay(launches, STEPS, Budget(1e6)).play(MostFrequent(launches, STEPS, 60.0))
    hits = [(run.row, run.saved_s, run.wasted_min) for run in runs if run.hit]
    assert hits == [(2, 10.0, 0.0), (4, 20.0, 0.5)]


def test_a_miss_wastes_its_time_and_the_rebuild() -> None:
    launches = launches_of((0, "a"), (100, "b"), (1000, "a"), (5000, "c"))
    runs = Replay(launches, STEPS, Budget(1e6)).play(MostFrequent(launches, STEPS, 60.0))
    (miss,) = [run for run in runs if run.row == 2]
    assert (miss.program, miss.hit, miss.saved_s, miss.wasted_min) == ("b", False, 0.0, 2.0)


def test_value_prepares_what_is_worth_its_price_and_drops_what_is_not_likely_any_more() -> None:
    launches = launches_of((0, "a"), (50, "b"), (100, "c"))
    likely = Arrival.of((0.9, 0.9, 0.9, 0.9))
    options = [
        [("b", likely, waits(likely, STEPS)), ("z", likely, waits(likely, STEPS))], [], [],
    ]  # fmt: skip
    policy = ByValue(launches, options, STEPS, least_price_s=[2.5] * 3)
    runs = Replay(launches, STEPS, Budget(1.0)).play(policy)
    assert [(run.program, run.hit) for run in runs] == [("b", True), ("z", False)]
    assert runs[1].wasted_min == pytest.approx((50 + 60) / 60), "undone when b came and not z"
    dear = ByValue(launches, options, STEPS, least_price_s=[1000.0] * 3)
    assert Replay(launches, STEPS, Budget(1.0)).play(dear) == []


def office_of(count: int, predictable: float) -> list[Launch]:
    """Somebody's programs in turn every two minutes; some of them any other instead."""
    chance = random.Random(7)
    return [
        Launch(k, "ann", "abcd"[k % 4] if chance.random() < predictable else f"other{k}", 120.0 * k)
        for k in range(count)
    ]


def test_the_least_price_is_learned_from_what_the_rule_earns_and_uses_nothing_later() -> None:
    often, seldom = office_of(2000, 0.95), office_of(2000, 0.4)
    dear, cheap = least_prices(often, STEPS), least_prices(seldom, STEPS)
    assert dear[-1] > 1.5 * cheap[-1], "minutes are worth more where the rule makes more of them"
    assert dear[:700] == least_prices(often[:700], STEPS)
    rule = MostFrequent(often, STEPS, 300.0)
    runs = Replay(often, STEPS, Budget(math.inf)).play(rule)
    mean = sum(run.saved_s for run in runs) / sum(run.wasted_min for run in runs)
    assert dear[-1] == pytest.approx(mean / 2, rel=0.1), "half of what a minute earns it"


def test_the_most_frequent_follower_is_the_user_s_own_and_of_equals_the_last_by_name() -> None:
    followers = Followers()
    for program in ("b", "c", "b", "c", "d"):
        followers.add("a", program)
    assert followers.leaders["a"] == "c"
    followers.add("a", "b")
    assert followers.leaders["a"] == "b"


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "apps.csv"
    with path.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(("who", "what", "when"))
        for k in range(200):
            program = ("editor", "compiler", "tests", "mail")[k % 4]
            writer.writerow((f"u{k // 4 % 3}", program, k // 4 * 1800 + k % 4 * 45))
    return path


@pytest.fixture
def run(recording: Path):
    app = typer.Typer()
    app.command()(command)

    def invoke(*more: str):
        columns = ("--user", "who", "--program", "what", "--json")
        return CliRunner().invoke(app, [str(recording), *columns, *more])

    return invoke


def test_a_stranger_recomputes_the_curve_and_no_budget_is_broken(run, tmp_path: Path) -> None:
    out, plot = tmp_path / "runs.csv", tmp_path / "curve.svg"
    ended = run("--time", "when", "--out", str(out), "--plot", str(plot))
    assert ended.exit_code == 0, ended.output
    result = json.loads(ended.stdout)
    rows = list(csv.DictReader(out.read_text().splitlines()))
    for point in result["points"]:
        mine = [r for r in rows if (r["policy"], float(r["budget"])) ==
                (point["policy"], point["budget_min_per_launch"])]  # fmt: skip
        assert sum(float(r["saved_s"]) for r in mine) == pytest.approx(point["saved_s"])
        assert sum(float(r["wasted_min"]) for r in mine) == pytest.approx(point["wasted_min"])
        assert sum(int(r["hit"]) for r in mine) == point["hits"]
        saved_up = 500 * point["budget_min_per_launch"]
        most = saved_up + result["launches"] * point["budget_min_per_launch"]
        assert point["wasted_min"] <= most
    ours = [p for p in result["points"] if p["policy"] == OURS]
    assert [p["budget_min_per_launch"] for p in ours] == list(BUDGETS)
    assert ours[-1]["hits"] > 50, "the three that follow at once are foretold"
    assert plot.read_text().lstrip().startswith("<?xml")


def test_a_stated_price_is_used_and_the_learned_one_is_told(run) -> None:
    learned = json.loads(run("--time", "when").stdout)
    assert 0.0 < learned["least_price_s"] < 60.0
    stated = json.loads(run("--time", "when", "--price-s", "1000").stdout)
    assert stated["least_price_s"] == 1000.0
    assert all(p["runs"] == 0 for p in stated["points"] if p["policy"] == OURS)


def test_the_format_that_is_given_is_the_one_that_is_read(run) -> None:
    by_name = json.loads(run("--time", "when", "--price-s", "1").stdout)
    assert json.loads(run("--time", "when", "--price-s", "1", "--format", "csv").stdout) == by_name
    wrong = run("--time", "when", "--format", "parquet")
    assert (wrong.exit_code, "arquet" in wrong.stderr) == (2, True)
    unknown = run("--time", "when", "--format", "xml")
    assert (unknown.exit_code, "'xml' is not one of" in unknown.stderr) == (2, True)


def test_without_times_nothing_can_be_played(run) -> None:
    ended = run()
    assert (ended.exit_code, "need times" in ended.stderr) == (2, True)
