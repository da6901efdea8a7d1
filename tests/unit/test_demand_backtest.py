"""What `warmfront backtest demand` writes and prints."""

import csv
import gzip
from dataclasses import replace

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from streams.backtest.demand import Options, command, run
from streams.backtest.demand_baselines import best_naive
from streams.backtest.demand_series import read_series
from streams.runtime.recordings import RecordingError


def lines(rows: int) -> list[str]:
    rng = np.random.default_rng(5)
    level = 50.0 + 20.0 * np.sin(2.0 * np.pi * np.arange(rows) / 24.0) + rng.normal(size=rows)
    return [f"{1_700_000_000 // 3600 * 3600 + 3600 * k},{level[k]:.4f}\n" for k in range(rows)]


def options(tmp_path, rows=400, text=None) -> Options:
    file = tmp_path / "series.csv"
    file.write_text("time,value\n" + "".join(text or lines(rows)))
    return Options(file, "time", "value", out=tmp_path / "out.csv")


def test_a_stranger_recomputes_the_figures_from_out(tmp_path):
    chosen = options(tmp_path)
    result = run(chosen)
    truth = read_series(chosen.file, "time", "value", "1h").values
    with chosen.out.open() as stream:
        rows = [row for row in csv.DictReader(stream) if int(row["row"]) >= 336]
    for horizon, scores in result["horizons"].items():
        mine = [row for row in rows if row["horizon"] == horizon]
        errors = [abs(truth[int(r["row"])] - float(r["q50"])) for r in mine]
        assert scores["n"] == len(mine) == 64
        assert scores["mae_ratio"] == pytest.approx(np.mean(errors) / truth.mean(), rel=1e-12)
        inside = [float(r["q05"]) <= truth[int(r["row"])] <= float(r["q95"]) for r in mine]
        assert scores["coverage90"] == np.mean(inside)


@pytest.mark.parametrize("kept", [337, 360, 399])
def test_cutting_the_file_leaves_the_rows_kept_byte_for_byte(tmp_path, kept):
    whole = options(tmp_path)
    run(whole)
    expected = [line for line in whole.out.read_text().splitlines()[1:]
                if int(line.split(",")[0]) < kept]  # fmt: skip
    cut = replace(options(tmp_path, kept), out=tmp_path / "cut.csv.gz")
    run(cut)
    assert gzip.decompress(cut.out.read_bytes()).decode().splitlines()[1:] == expected


def test_events_known_ahead_are_seen_by_the_forecast(tmp_path):
    text = lines(400)
    times = [int(line.split(",")[0]) for line in text]
    events = tmp_path / "events.csv"
    events.write_text(f"start,end,kind,uplift\n{times[390]},{times[395]},closed,0\n")
    chosen = replace(options(tmp_path), events=events)
    run(chosen)
    with chosen.out.open() as stream:
        closed = [r for r in csv.DictReader(stream) if 390 <= int(r["row"]) < 395]
    assert len(closed) == 15
    assert all(float(row["q95"]) == 0.0 for row in closed)


def test_gaps_and_repeats_have_a_known_fate(tmp_path):
    text = lines(400)
    del text[350]
    text.insert(360, text[360])
    chosen = options(tmp_path, text=text)
    series = read_series(chosen.file, "time", "value", "1h")
    assert len(series.values) == 400
    assert np.isnan(series.values[350])
    assert 361 not in series.rows
    assert run(chosen)["horizons"]["1"]["n"] == 63


def test_the_naive_forecast_of_a_constant_is_exact():
    assert best_naive(np.full(600, 3.0), 24, 24, 336).mae == 0.0


def test_a_file_that_is_too_short_is_refused(tmp_path):
    with pytest.raises(RecordingError, match="336"):
        run(options(tmp_path, 100))


@pytest.mark.parametrize("arguments", [["--value", "nope"], ["--value", "value", "--freq", "7h"]])
def test_bad_input_is_one_line_and_exit_code_2(tmp_path, arguments):
    app = typer.Typer()
    app.command()(command)
    chosen = options(tmp_path)
    result = CliRunner().invoke(app, [str(chosen.file), "--time", "time", *arguments])
    assert result.exit_code == 2
