"""Measures anomaly detection against its targets: `python -m tests.bench.bench_anomalies`.

nab: benchmark score at the best and at the shipped threshold (70 and 64 wanted), held out by group
of series, alerts a day and cost of a point. events: event-level F1 on labelled servers (19 metrics
each) and KPIs, of what `warmfront backtest anomalies` writes, beside River's HalfSpaceTrees and a
rolling z-score, each at its own best threshold. cost: of a point, beside the 200 us allowed and the
same two.
"""

import csv
import json
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from river import anomaly, compose, preprocessing

from streams.backtest.anomalies import Options, run
from streams.models.anomaly import SeriesDetector
from streams.runtime.recordings import read_recording
from tests.testkit.event_scoring import Flags, best_f1, count_events
from tests.testkit.nab_recordings import DATA, nab_recordings
from tests.testkit.nab_scoring import (
    Floats,
    LabelledScores,
    best_threshold,
    nab_score,
    raw_score,
)

DAY_S = 86_400.0
ALLOWED_US = 200.0
COSTED_POINTS = 500
Scorer = Callable[[Floats], Floats]


@dataclass(frozen=True)
class Labelled:
    """One series: its values, of shape (rows, metrics), its labels, and where scoring begins."""

    values: Floats
    labels: Flags
    since: int


Table = Mapping[str, Labelled]


def bench_nab() -> dict[str, float]:
    """Score the benchmark's recorded half."""
    corpus, points, days = {}, 0, 0.0
    SeriesDetector().score(0.0, 0.0)  # compiled before the clock starts
    started = time.process_time()
    for name, (times, values, windows) in nab_recordings().items():
        corpus[name] = LabelledScores(detect(times, values), windows)
        points += len(values)
        days += float(times.max() - times.min()) / DAY_S
    cost = time.process_time() - started
    best = best_threshold(corpus)
    alerts = sum(int((series.scores >= 0.5).sum()) for series in corpus.values())
    return {
        "best": best.score,
        "best_threshold": best.threshold,
        "at_0.5": nab_score(corpus, 0.5),
        "held_out_by_group": held_out(corpus),
        "alerts_per_day_at_0.5": alerts / days,
        "us_per_point": 1e6 * cost / points,
    }


def detect(times: Floats, values: Floats) -> Floats:
    """Score a series by the shipped detector."""
    detector = SeriesDetector()
    pairs = zip(values.tolist(), times.tolist(), strict=True)
    return np.array([detector.score(value, time_s) for value, time_s in pairs])


def held_out(corpus: Mapping[str, LabelledScores]) -> float:
    """Score each group of series (the part of the name before /) at the others' threshold."""
    total, windows = 0.0, 0
    for group in {name.split("/")[0] for name in corpus}:
        others = {n: s for n, s in corpus.items() if not n.startswith(group + "/")}
        threshold = best_threshold(others).threshold
        for name in corpus.keys() - others.keys():
            raw, count = raw_score(corpus[name], threshold)
            total += raw
            windows += count
    return 100.0 * (total + windows) / (2.0 * windows)


SERVERS = Options(
    DATA / "asd_servers_5min.csv.gz", "entity", "t_s", tuple(f"m{k}" for k in range(1, 20))
)
KPIS = Options(DATA / "kpi_labelled.csv.gz", "kpi", "timestamp", ("value",))


def bench_events() -> dict[str, dict[str, float]]:
    """Event-level F1 of the command and of two others."""
    others: dict[str, Scorer] = {"half_space_trees": half_space_trees, "rolling_z": rolling_z}
    report: dict[str, dict[str, float]] = {}
    for name, options, table in (("kpi", KPIS, kpis()), ("asd_servers", SERVERS, asd_servers())):
        given = {"warmfront": by_command(options)}
        for other, score in others.items():
            given[other] = {series: score(own.values) for series, own in table.items()}
        for scorer, scores in given.items():
            scored = [(scores[s][own.since :], own.labels[own.since :]) for s, own in table.items()]
            f1, threshold = best_f1(scored)
            report[f"{name}/{scorer}"] = {"f1": f1, "threshold": threshold}
            if scorer == "warmfront":
                shipped = [count_events(s >= 0.5, labels) for s, labels in scored]
                report[f"{name}/{scorer}"]["f1_at_0.5"] = sum(shipped[1:], shipped[0]).f1
    return report


def by_command(options: Options) -> dict[str, Floats]:
    """Scores by series, as the command writes them."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "scores.csv"
        run(Options(options.file, options.series, options.time, options.values, out, options.fmt))
        given: dict[str, list[float]] = {}
        for row in csv.DictReader(out.read_text().splitlines()):
            given.setdefault(row["series"], []).append(float(row["score"]))
    return {series: np.array(scores) for series, scores in given.items()}


def bench_cost() -> dict[str, float]:
    """Microseconds a point once the memory is full, which is when it costs most.

    Of the longest two series the last points are timed, in processor time; the two others on the
    same points.
    """
    longest = sorted(nab_recordings().values(), key=lambda series: -len(series[1]))[:2]
    taken: dict[str, list[float]] = {"warmfront": [], "half_space_trees": [], "rolling_z": []}
    for times, values, _ in longest:
        detector, last = SeriesDetector(), values[-COSTED_POINTS:]
        pairs = list(zip(values.tolist(), times.tolist(), strict=True))
        for value, time_s in pairs[:-COSTED_POINTS]:
            detector.score(value, time_s)
        scorers: dict[str, Callable[[], object]] = {
            "warmfront": lambda d=detector, p=pairs: [d.score(*x) for x in p[-COSTED_POINTS:]],
            "half_space_trees": lambda last=last: half_space_trees(last[:, None]),
            "rolling_z": lambda last=last: rolling_z(last[:, None]),
        }
        for name, score in scorers.items():
            started = time.process_time()
            score()
            taken[name].append(1e6 * (time.process_time() - started) / COSTED_POINTS)
    cost = {f"{name}_us": median(each) for name, each in taken.items()}
    cost["share_of_allowed"] = max(taken["warmfront"]) / ALLOWED_US
    cost["share_of_half_space_trees"] = cost["warmfront_us"] / cost["half_space_trees_us"]
    return cost


def half_space_trees(values: Floats) -> Floats:
    """River's half-space trees on all metrics, scaled as its documentation has it."""
    model = compose.Pipeline(
        preprocessing.MinMaxScaler(), anomaly.HalfSpaceTrees(seed=1, n_trees=25, height=8)
    )
    given = []
    for row in values:
        x = dict(enumerate(row.tolist()))
        given.append(model.score_one(x))
        model.learn_one(x)
    return np.array(given)


def rolling_z(values: Floats, window: int = 288) -> Floats:
    """Largest deviation of a metric from its last day, in standard deviations."""
    past: deque[Floats] = deque(maxlen=window)
    given = np.zeros(len(values))
    for row, point in enumerate(values):
        if len(past) > 10:
            block = np.array(past)
            given[row] = np.max(np.abs(point - block.mean(0)) / (block.std(0) + 1e-6))
        past.append(point)
    return given


def asd_servers() -> Table:
    """Six servers of 19 metrics, labelled in their second part."""
    recording = read_recording(SERVERS.file)
    names = np.array(recording.column("entity"))
    values = np.column_stack([recording.numbers(name) for name in SERVERS.values])
    return _by_series(
        names, values, recording.numbers("anomaly") > 0,
        np.array(recording.column("part")) == "test",
    )  # fmt: skip


def kpis() -> Table:
    """Two labelled KPIs; the first tenth is not scored."""
    recording = read_recording(KPIS.file)
    names = np.array(recording.column("kpi"))
    labels = recording.numbers("label") > 0
    return _by_series(names, recording.numbers("value")[:, None], labels, None)


def _by_series(names: np.ndarray, values: Floats, labels: Flags, scored: Flags | None) -> Table:
    table = {}
    for name in dict.fromkeys(names.tolist()):
        own = names == name
        since = len(labels[own]) // 10 if scored is None else int(np.argmax(scored[own]))
        table[name] = Labelled(values[own], labels[own], since)
    return table


BENCHES = {"nab": bench_nab, "events": bench_events, "cost": bench_cost}

if __name__ == "__main__":
    for wanted in sys.argv[1:] or BENCHES:
        sys.stdout.write(json.dumps(BENCHES[wanted](), indent=1) + "\n")
