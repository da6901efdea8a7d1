"""Measures anomaly detection against its targets: `python -m tests.bench.bench_anomalies`.

nab: benchmark score at the best and at the shipped threshold (70 and 64 wanted), held out by group
of series, alerts a day and cost of a point. events: event-level F1 on labelled servers (19 metrics
each) and KPIs beside River's HalfSpaceTrees and a rolling z-score, each at its own best threshold.
"""

import json
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping

import numpy as np
from river import anomaly, compose, preprocessing

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
Table = Mapping[str, tuple[Floats, Floats, Flags, int]]
Scorer = Callable[[Floats, Floats], Floats]


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


def detect(times: Floats, values: Floats, memory: int = 8192) -> Floats:
    """Score a series by the shipped detector."""
    detector = SeriesDetector(memory)
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


def bench_events() -> dict[str, dict[str, float]]:
    """Event-level F1 of the detector and of two others."""
    scorers: dict[str, Scorer] = {
        "warmfront": warmfront,
        "half_space_trees": half_space_trees,
        "rolling_z": rolling_z,
    }
    report: dict[str, dict[str, float]] = {}
    for name, table in (("kpi", kpis()), ("asd_servers", asd_servers())):
        for scorer, score in scorers.items():
            scored = [
                (score(times, values)[since:], labels[since:])
                for times, values, labels, since in table.values()
            ]
            f1, threshold = best_f1(scored)
            report[f"{name}/{scorer}"] = {"f1": f1, "threshold": threshold}
            if scorer == "warmfront":
                shipped = [count_events(s >= 0.5, labels) for s, labels in scored]
                report[f"{name}/{scorer}"]["f1_at_0.5"] = sum(shipped[1:], shipped[0]).f1
    return report


def warmfront(times: Floats, values: Floats) -> Floats:
    """Score of the one metric; of several, the third highest, whether or not alarms repeat."""
    if values.shape[1] == 1:
        return detect(times, values[:, 0])
    columns = []
    for metric in values.T:
        detector, given = SeriesDetector(2048), []
        for value, time_s in zip(metric.tolist(), times.tolist(), strict=True):
            detector.score(value, time_s)
            given.append(detector.unsuppressed)
        columns.append(given)
    return np.sort(np.array(columns), axis=0)[-3]


def half_space_trees(times: Floats, values: Floats) -> Floats:
    """River's half-space trees on all metrics, scaled as its documentation has it."""
    del times
    model = compose.Pipeline(
        preprocessing.MinMaxScaler(), anomaly.HalfSpaceTrees(seed=1, n_trees=25, height=8)
    )
    given = []
    for row in values:
        x = dict(enumerate(row.tolist()))
        given.append(model.score_one(x))
        model.learn_one(x)
    return np.array(given)


def rolling_z(times: Floats, values: Floats, window: int = 288) -> Floats:
    """Largest deviation of a metric from its last day, in standard deviations."""
    del times
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
    recording = read_recording(DATA / "asd_servers_5min.csv.gz")
    names = np.array(recording.column("entity"))
    values = np.column_stack([recording.numbers(f"m{k}") for k in range(1, 20)])
    return _by_series(
        names, recording.numbers("t_s"), values, recording.numbers("anomaly") > 0,
        np.array(recording.column("part")) == "test",
    )  # fmt: skip


def kpis() -> Table:
    """Two labelled KPIs; the first tenth is not scored."""
    recording = read_recording(DATA / "kpi_labelled.csv.gz")
    names = np.array(recording.column("kpi"))
    values = recording.numbers("value")[:, None]
    labels = recording.numbers("label") > 0
    return _by_series(names, recording.times("timestamp"), values, labels, None)


def _by_series(
    names: np.ndarray, times: Floats, values: Floats, labels: Flags, scored: Flags | None
) -> Table:
    table = {}
    for name in dict.fromkeys(names.tolist()):
        own = names == name
        since = len(labels[own]) // 10 if scored is None else int(np.argmax(scored[own]))
        table[name] = (times[own], values[own], labels[own], since)
    return table


if __name__ == "__main__":
    wanted = sys.argv[1:] or ["nab", "events"]
    if "nab" in wanted:
        sys.stdout.write(json.dumps(bench_nab(), indent=1) + "\n")
    if "events" in wanted:
        sys.stdout.write(json.dumps(bench_events(), indent=1) + "\n")
