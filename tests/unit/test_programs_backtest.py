"""`warmfront backtest programs`: the contract of what it reads, writes and scores."""

import csv
import json

import pytest
import typer
from typer.testing import CliRunner

from streams.backtest.programs import command, run
from streams.backtest.programs_rows import ProgramsOptions

HEADER = "user,time,program\n"


def recording(path, rows):
    path.write_text(HEADER + "".join(f"{u},{t},{p}\n" for u, t, p in rows))
    return path


def daily(n):
    return [("ab"[k % 2], 40.0 * k + 5000.0 * (k // 30), "xyz"[k // 2 % 3]) for k in range(n)]


def played(tmp_path, rows, name="f", **options):
    file = recording(tmp_path / f"{name}.csv", rows)
    out, within = tmp_path / f"{name}-out.csv", tmp_path / f"{name}-within.csv"
    result = run(
        ProgramsOptions(file, "user", "program", "time", out=out, out_within=within, **options)
    )
    return result, out, within


def test_a_stranger_recomputes_the_scores_from_out(tmp_path):
    rows = daily(150)
    result, out, _ = played(tmp_path, rows)
    ranks = {}
    for line in csv.DictReader(out.open()):
        ranks[int(line["row"]), line["program"]] = int(line["rank"])
    seen, scored, hits = set(), 0, {1: 0, 3: 0, 5: 0}
    for row, (user, _, program) in enumerate(rows):
        if user in seen:
            scored += 1
            for depth in hits:
                hits[depth] += ranks.get((row, program), 99) <= depth
        seen.add(user)
    assert result["scored"] == scored
    assert [result[f"top{d}"] for d in (1, 3, 5)] == [hits[d] / scored for d in (1, 3, 5)]


def test_a_neural_net_has_a_say_only_if_asked_for(tmp_path):
    rows = daily(150)
    result, out, _ = played(tmp_path, rows)
    helped, out_helped, _ = played(tmp_path, rows, "net", neural=True)
    assert result["scored"] == helped["scored"]
    assert out.read_text() != out_helped.read_text()
    assert helped["log_loss"] != result["log_loss"]


@pytest.mark.parametrize("cut", [40, 77, 120])
def test_rows_after_a_cut_change_nothing_before_it(tmp_path, cut):
    rows = daily(150)
    _, out, within = played(tmp_path, rows)
    _, cut_out, cut_within = played(tmp_path, rows[:cut], "cut")
    assert out.read_text().startswith(cut_out.read_text())
    assert within.read_text().startswith(cut_within.read_text())


def test_rows_of_equal_time_do_not_learn_from_each_other(tmp_path):
    rows = [("a", 0.0, "x"), ("a", 0.0, "y"), ("a", 9.0, "x"), ("a", 9.0, "y"), ("a", 9.0, "z")]
    _, out, _ = played(tmp_path, rows)
    said = {}
    for line in csv.DictReader(out.open()):
        said.setdefault(int(line["row"]), []).append((line["program"], line["p"]))
    assert 1 not in said
    assert said[2] == said[3] == said[4]


def test_switches_drop_repeats_and_never_predict_the_current_program(tmp_path):
    rows = [("a", 10.0 * k, p) for k, p in enumerate("xxyyxzzxyxxzxy")]
    result, out, _ = played(tmp_path, rows, switches=True)
    assert result["events"] == 10
    before = {}
    for row in range(1, len(rows)):
        before[row] = rows[row - 1][2]
    for line in csv.DictReader(out.open()):
        assert line["program"] != before[int(line["row"])]


def test_a_missing_column_is_one_line_and_exit_code_2(tmp_path):
    app = typer.Typer()
    app.command()(command)
    file = recording(tmp_path / "f.csv", daily(4))
    ended = CliRunner().invoke(app, [str(file), "--user", "who", "--program", "program"])
    assert ended.exit_code == 2
    good = CliRunner().invoke(app, [str(file), "--user", "user", "--program", "program", "--json"])
    assert json.loads(good.stdout)["scored"] == 2
