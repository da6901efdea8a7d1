"""`backtest reserve`: the order of events, the score, and --out as a stranger reads it."""

import csv
import json
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from streams.backtest.reserve import ReserveOptions, run

START = 1_700_000_000


def write_trace(path: Path, seed: int = 5, count: int = 3000) -> Path:
    draw = np.random.default_rng(seed)
    gaps = draw.exponential(60.0, count) * (draw.random(count) < 0.7)
    times = START + np.floor(np.cumsum(gaps)).astype(int)
    with path.open("w") as stream:
        stream.write("time,user,program\n")
        stream.writelines(f"{t},u{t % 7},p{t % 3}\n" for t in times)
    return path


def seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return datetime.fromisoformat(text).timestamp()


def recompute(trace: Path, out: Path, lead: float = 90.0, life: float = 60.0) -> dict:
    """A stranger's score from the file and --out alone, second by second where anything happens."""
    with trace.open() as stream:
        requests = sorted(seconds(row["time"]) for row in csv.DictReader(stream))
    with out.open() as stream:
        actions = [
            (seconds(r["time"]), r["action"], int(r["count"])) for r in csv.DictReader(stream)
        ]
    known = set(requests)
    start, end = requests[0] + 86400, requests[-1]
    happenings = [(t, 1, "request", 1) for t in requests]
    for t, verb, count in actions:
        assert t in known or t % 60 == 0
        assert count > 0
        happenings.append((t, 2, verb, count))
        if verb == "launch":
            happenings.append((t + lead, 0, "ready", count))
    happenings.sort(key=lambda h: h[:2])
    building, ready = 0, []
    paid = idle = 0.0
    hits = total = launched = 0
    now = requests[0]
    for t, _, what, count in happenings:
        if t > end:
            break
        span = max(t, start) - max(now, start)
        paid += span * (building + len(ready))
        idle += span * len(ready)
        now = t
        if what == "ready":
            building -= count
            ready += [t] * count
        elif what == "launch":
            building += count
            launched += count * (t >= start)
        elif what == "terminate":
            assert all(t - since >= life for since in ready[:count])
            assert len(ready) >= count
            del ready[:count]
        else:
            hits += (t >= start) and bool(ready)
            total += t >= start
            del ready[:1]
    return {
        "requests": total,
        "hit_rate": hits / total,
        "paid_mean": paid / (end - start),
        "ready_mean": idle / (end - start),
        "launched_per_request": launched / total,
    }


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reserve")
    trace, out = write_trace(folder / "t.csv"), folder / "out.csv"
    return trace, out, run(ReserveOptions(trace, "time", "user", "program", out=out))


def test_a_stranger_recomputes_the_score_from_out(played):
    trace, out, result = played
    for name, value in recompute(trace, out).items():
        assert result[name] == pytest.approx(value, rel=1e-9), name


def test_the_result_is_json(played):
    assert set(json.loads(json.dumps(played[2]))) >= {
        "requests", "hit_rate", "paid_mean", "ready_mean", "launched_per_request", "baselines",
    }  # fmt: skip


@pytest.mark.parametrize("share", [0.35, 0.6, 0.93])
def test_a_cut_file_gives_the_same_bytes_for_the_rows_kept(played, tmp_path, share):
    trace, out, _ = played
    lines = trace.read_text().splitlines(keepends=True)
    cut, cut_out = tmp_path / "cut.csv", tmp_path / "cut_out.csv"
    kept = int(share * len(lines))
    cut.write_text("".join(lines[:kept]))
    run(ReserveOptions(cut, "time", "user", "program", out=cut_out, baselines=False))
    last = seconds(lines[kept - 1].split(",")[0])

    def until(path):
        rows = path.read_text().splitlines()[1:]
        return [row for row in rows if seconds(row.split(",")[0]) < last]

    assert until(cut_out) == until(out)
    assert len(until(out)) > 50
