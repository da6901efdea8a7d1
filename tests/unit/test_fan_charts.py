"""`warmfront forecast` draws what a forecast states."""

from pathlib import Path

import pytest

from schemas.records import DemandForecast, Step
from streams.cli.fan_html import write_html
from streams.cli.fan_levels import quantiles_at
from streams.cli.fan_png import write_png
from streams.cli.fan_terminal import terminal_fan
from streams.models.demand import LEVELS

HOUR_MS = 3_600_000
AT_MS = 1_750_000_000_000 // HOUR_MS * HOUR_MS


def forecast(pool: str = "office", steps: int = 24) -> DemandForecast:
    return DemandForecast(
        forecast_id="f", pool=pool, resource="INSTANCES", unit="launches", made_at=AT_MS,
        horizon="DAY", step_s=3600, levels=list(LEVELS), peak=[30.0 + k for k in range(8)],
        model="m",
        steps=[
            Step(time=AT_MS + k * HOUR_MS, quantiles=[10.0 + k + 2 * q for q in range(8)])
            for k in range(steps)
        ],
    )  # fmt: skip


@pytest.mark.parametrize("steps", [24, 60, 168])
def test_the_terminal_shows_both_bands_the_median_and_the_figures(steps):
    chart = terminal_fan(forecast(steps=steps), 90)
    lines = chart.splitlines()
    body = "\n".join(lines[1:-1])
    assert all(mark in body for mark in "░▒█")
    assert "office: instances (launches)" in lines[0]
    assert "next step 16 (10 to 22)" in lines[-1]
    assert "peak 33 (30 to 36)" in lines[-1]
    assert max(map(len, lines[:-1])) <= 90


def test_the_median_lies_within_its_band():
    """In every column the marks come in the order light, dark, full, dark, light."""
    lines = terminal_fan(forecast(), 90).splitlines()[2:-4]
    axis = max(line.find("│") for line in lines)  # how far in depends on the labels
    for column in range(axis + 2, 78):
        marks = "".join(line[column] for line in lines if column < len(line)).strip()
        assert "█" in marks
        assert marks.strip("░").strip("▒").strip("█") == ""


def test_a_png_is_a_picture(tmp_path: Path):
    write_png(tmp_path / "fan.png", [forecast(), forecast("build")])
    assert (tmp_path / "fan.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_a_page_holds_all_it_needs(tmp_path: Path):
    write_html(tmp_path / "fan.html", [forecast(), forecast("build")])
    page = (tmp_path / "fan.html").read_text(encoding="utf-8")
    assert "<script src=" not in page
    assert "Plotly.newPlot" in page
    assert "build: instances" in page


def test_a_level_that_is_not_stated_is_an_error():
    with pytest.raises(ValueError, match="list"):
        quantiles_at(forecast(), 0.33)
