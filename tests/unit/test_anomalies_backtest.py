"""The anomalies backtest: one score a row, in order, from nothing later than the row."""

import csv
import gzip
import json
import math
import random
import re

import pytest
import typer
from typer.testing import CliRunner

from streams.backtest.anomalies import Options, command, run
from streams.backtest.anomalies_plot import SeriesTrace
from streams.models.anomaly import SeriesDetector


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
    return Options(path, "metric", "at", ("reading",), out)


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
    run(Options(gap, "s", "t", ("v",), tmp_path / "gap_out.csv"))
    run(Options(none, "s", "t", ("v",), tmp_path / "none_out.csv"))
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


def test_of_several_metrics_one_alone_is_no_alarm_and_two_of_three_are(tmp_path):
    source = random.Random(5)
    lines = ["host,t,cpu,disk,net"]
    for k in range(900):
        cpu, disk, net = (source.gauss(5.0, 1.0) for _ in range(3))
        cpu += 60.0 * (k in {600, 800})
        disk += 60.0 * (k == 800)
        lines.append(f"a,{300 * k},{cpu},{disk},{net}")
    (tmp_path / "host.csv").write_text("\n".join(lines) + "\n")
    columns = ("cpu", "disk", "net")
    run(Options(tmp_path / "host.csv", "host", "t", columns, tmp_path / "out.csv"))
    scores = [float(row["score"]) for row in read(tmp_path / "out.csv")]
    assert scores[600] < 0.5 <= scores[800]
    assert len(scores) == 900


def test_a_series_is_drawn_with_its_range_and_its_incidents(cli, recording, tmp_path):
    plot = tmp_path / "cpu.svg"
    columns = ("--series", "metric", "--time", "at", "--value", "reading")
    assert cli(recording, *columns, "--plot", plot, "--plot-series", "cpu").exit_code == 0
    drawn = plot.read_text()
    assert drawn.lstrip().startswith("<?xml")
    # Texts are outlines; matplotlib keeps each as a comment.
    assert re.search("<!-- cpu: [1-9] incidents told -->", drawn)
    assert "<!-- expected range -->" in drawn


def test_incidents_are_those_of_the_desk_and_the_range_is_from_before_each_point():
    trace, detector = SeriesTrace("cpu"), SeriesDetector(512)
    source = random.Random(2)
    for k in range(1000):
        value = 50.0 + source.gauss(0.0, 1.0) + (40.0 if 900 <= k < 906 else 0.0)
        trace.expects(detector, 300.0 * k, value)
        trace.scored(detector, detector.score(value, 300.0 * k))
    ((start_s, end_s, _),) = [told for told in trace.end() if told[0] >= 300.0 * 500]
    assert start_s == 300.0 * 900
    assert end_s >= 300.0 * 905
    assert trace.high[900] < 90.0, "not learned from the point itself"


@pytest.mark.parametrize(
    ("more", "what"),
    [(("--plot-series", "gpu"), "gpu"), (("--value", "reading"), "one --value")],
)
def test_what_cannot_be_drawn_is_a_clear_error(cli, recording, tmp_path, more, what):
    columns = ("--series", "metric", "--time", "at", "--value", "reading")
    ended = cli(recording, *columns, "--plot", tmp_path / "p.svg", *more)
    assert ended.exit_code == 2
    assert what in ended.stderr
