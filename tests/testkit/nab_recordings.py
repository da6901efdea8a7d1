"""The recorded half of the Numenta Anomaly Benchmark: series and labelled windows."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from streams.runtime.recordings import read_recording
from tests.testkit.nab_scoring import Span

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
SERIES, WINDOWS = DATA / "nab_series.csv.gz", DATA / "nab_windows.csv.gz"

Floats = npt.NDArray[np.float64]
Labelled = tuple[Floats, Floats, list[Span]]


def nab_recordings() -> Mapping[str, Labelled]:
    """Times in seconds, values and windows (first and last row) of each series."""
    recording, labels = read_recording(SERIES), read_recording(WINDOWS)
    names = np.array(recording.column("series"))
    times, values = recording.times("timestamp"), recording.numbers("value")
    stamps = np.array(recording.column("timestamp"))
    corpus = {}
    for name in dict.fromkeys(names.tolist()):
        own = names == name
        corpus[name] = (times[own], values[own], _windows(labels.columns, name, stamps[own]))
    return corpus


def _windows(columns: Mapping[str, object], name: str, stamps: npt.NDArray[np.str_]) -> list[Span]:
    place = {stamp: row for row, stamp in reversed(list(enumerate(stamps.tolist())))}
    rows = zip(columns["series"], columns["window_start"], columns["window_end"], strict=True)
    return [(place[start], place[end]) for series, start, end in rows if series == name]
