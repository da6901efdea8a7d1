"""The curve of shadow runs on recorded launches, against always the most frequent next program."""

import gzip
import itertools
from pathlib import Path

import pytest

from streams.backtest.programs_rows import ProgramsOptions
from streams.backtest.shadow import BUDGETS, Declared, run

DATA = Path(__file__).parents[2].parent / "shared/data"
LAUNCHES = 3_000
DESKTOPS = ("desktop_apps.csv.gz", "user", "program", "timestamp")
JOBS = ("jobs_lanl_cm5_1994.csv.gz", "user", "executable", "submit_s")


@pytest.mark.recordings
@pytest.mark.skipif(not (DATA / DESKTOPS[0]).exists(), reason=f"no recordings in {DATA}")
@pytest.mark.parametrize("recording", [DESKTOPS, JOBS], ids=["desktops", "jobs"])
def test_it_saves_more_and_more_a_wasted_minute_than_the_rule_at_every_budget(
    recording: tuple[str, ...], tmp_path: Path
) -> None:
    """The first 3,000 launches, learning included; docs/explanation/shadow.md has all of them."""
    file, user, program, time = recording
    with gzip.open(DATA / file, "rt") as lines:
        (tmp_path / "some.csv").write_text("".join(itertools.islice(lines, LAUNCHES + 1)))
    result, _ = run(ProgramsOptions(tmp_path / "some.csv", user, program, time), Declared())
    assert result["launches"] == LAUNCHES
    assert [at["budget_min_per_launch"] for at in result["ahead"]] == list(BUDGETS)
    for at in result["ahead"]:
        assert at["saved_ratio"] > 1.0, at
        assert at["rate_ratio"] > 1.0, at
