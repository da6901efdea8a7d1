"""The anomalies backtest: one score a row, in order, from nothing later than the row."""

import csv
import gzip
import json
import math

import pytest
import typer
from typer.testing import CliRunner

from streams.backtest.anomalies import Options, command, run


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "metrics.csv"
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("metric", "at", "reading"))
        for k in range(300):
            for name, phase in (("cpu", 0.0), ("disk", 1.0)):
                value = math.sin(k / 7 + phase) + (9.0 if k == 250 and name == "cpu" else 0.0)
                writer.writerow((name, f"2026-01-{1 + k // 24:02d}T{k % 24:02d}:00:00", value))
    return path


def options(path, out=None):
    return Options(path, "metric", "at", "reading", out)


def read(path):
    data = path.read_bytes()
    text = gzip.decompress(data) if path.suffix == ".gz" else data
    return list(csv.DictReader(text.decode().splitlines()))


def test_one_row_for_each_row_in_its_order_with_scores_in_the_unit_interval(recording, tmp_path):
    result = run(options(recording, tmp_path / "out.csv.gz"))
    rows, scores = read(recording), read(tmp_path / "out.csv.gz")
    assert result["rows"] == len(rows) == len(scores) == 600
    assert [(r["metric"], r["at"]) for r in rows] == [(s["series"], s["timestamp"]) for s in scores]
    assert all(0.0 <= float(s["score"]) <= 1.0 for s in scores)


def test_the_alerts_can_be_counted_from_the_scores(recording, tmp_path):
    result = run(options(recording, tmp_path / "out.csv"))
    alerts = sum(float(s["score"]) >= 0.5 for s in read(tmp_path / "out.csv"))
    assert result["alerts"] == alerts
    assert result["alerts_per_day"] == pytest.approx(alerts / (2 * 299 / 24))


def test_a_jump_scores_highest_in_its_series(recording, tmp_path):
    run(options(recording, tmp_path / "out.csv"))
    cpu = [float(s["score"]) for s in read(tmp_path / "out.csv") if s["series"] == "cpu"]
    assert max(range(100, 300), key=cpu.__getitem__) == 250


@pytest.mark.parametrize("kept", [1, 7, 333, 501])
def test_cutting_the_file_leaves_the_scores_before_the_cut(recording, tmp_path, kept):
    lines = recording.read_text().splitlines(keepends=True)
    cut = tmp_path / "cut.csv"
    cut.write_text("".join(lines[: kept + 1]))
    run(options(recording, tmp_path / "whole_out.csv"))
    run(options(cut, tmp_path / "cut_out.csv"))
    whole = (tmp_path / "whole_out.csv").read_bytes()
    assert whole.startswith((tmp_path / "cut_out.csv").read_bytes())


def test_interleaved_series_score_as_if_alone(recording, tmp_path):
    lines = recording.read_text().splitlines(keepends=True)
    alone = tmp_path / "alone.csv"
    alone.write_text(lines[0] + "".join(x for x in lines if x.startswith("disk")))
    run(options(recording, tmp_path / "both_out.csv"))
    run(options(alone, tmp_path / "alone_out.csv"))
    both = [s for s in read(tmp_path / "both_out.csv") if s["series"] == "disk"]
    assert both == read(tmp_path / "alone_out.csv")


def test_an_empty_value_scores_zero_and_changes_nothing_after_it(tmp_path):
    head = "s,t,v\n" + "".join(f"a,{60 * k},{k % 3}\n" for k in range(50))
    gap, none = tmp_path / "gap.csv", tmp_path / "none.csv"
    gap.write_text(head + "a,2970,\n" + "a,3000,9\n")
    none.write_text(head + "a,3000,9\n")
    run(Options(gap, "s", "t", "v", tmp_path / "gap_out.csv"))
    run(Options(none, "s", "t", "v", tmp_path / "none_out.csv"))
    assert float(read(tmp_path / "gap_out.csv")[-2]["score"]) == 0.0
    assert read(tmp_path / "gap_out.csv")[-1] == read(tmp_path / "none_out.csv")[-1]


@pytest.fixture
def cli():
    app = typer.Typer()
    app.command()(command)
    return lambda *arguments: CliRunner().invoke(app, [str(a) for a in arguments])


def test_the_command_prints_json(cli, recording):
    result = cli(recording, "--series", "metric", "--time", "at", "--value", "reading", "--json")
    assert result.exit_code == 0
    assert {"rows", "alerts", "alerts_per_day"} <= json.loads(result.stdout).keys()


@pytest.mark.parametrize("column", ["--series", "--time", "--value"])
def test_a_missing_column_is_a_clear_error(cli, recording, column):
    columns = {"--series": "metric", "--time": "at", "--value": "reading"} | {column: "nope"}
    result = cli(recording, *(word for pair in columns.items() for word in pair))
    assert result.exit_code == 2
    assert "nope" in result.stderr


def test_an_unknown_format_is_a_clear_error(cli, recording):
    columns = ("--series", "metric", "--time", "at", "--value", "reading")
    result = cli(recording, *columns, "--format", "xml")
    assert result.exit_code == 2
    assert "xml" in result.stderr
