"""Results of a bench in a file that grows piece by piece: what was measured is never lost."""

import json
import os
import platform
import statistics
from pathlib import Path
from typing import Any

import psutil

Rate = dict[str, float]
RATIOS = {
    "worker_to_raw": ("worker", "raw"), "worker_to_faust": ("worker", "faust"),
    "worker_to_quix": ("worker", "quix"), "worker_to_bytewax": ("worker", "bytewax"),
    "worker_to_quix_full": ("worker", "quix_full"),
    "worker_to_bytewax_full": ("worker", "bytewax_full"),
    "two_workers_to_one": ("two_workers", "worker"),
    "two_halves_to_one": ("two_workers_half", "worker_half"),
}  # fmt: skip


def machine() -> dict[str, object]:
    """Facts that the figures hang on."""
    return {
        "cpus": os.cpu_count(), "python": platform.python_version(), "system": platform.platform(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "load": [round(value, 1) for value in os.getloadavg()],
    }  # fmt: skip


class Report:
    """A JSON file of pieces.

    Parameters
    ----------
    path
        The file.
    what
        What all pieces have in common, such as the log's size.
    keep
        Whether to go on with what an earlier run of the same kind left in the file.

    Raises
    ------
    ValueError
        If the file's pieces were measured on something else.
    """

    def __init__(self, path: Path, what: dict[str, object], *, keep: bool) -> None:
        self._path = path
        self._all: dict[str, Any] = {"what": what, "machine": machine(), "pieces": {}}
        if keep and path.exists():
            self._all = json.loads(path.read_text())
            if self._all["what"] != what:
                raise ValueError(f"{path} holds {self._all['what']}, asked is {what}")

    def add(self, name: str, result: dict[str, Any]) -> None:
        """Write a piece down, with the load that it met."""
        noted = {**result, "load": round(os.getloadavg()[0], 1)}
        self._all["pieces"].setdefault(name, []).append(noted)
        self._all["ratios_by_cpu"] = self._ratios("events_per_cpu_s")
        self._all["ratios_by_wall"] = self._ratios("events_per_s")
        self._path.parent.mkdir(exist_ok=True)
        self._path.write_text(self.text())

    def median(self, name: str, measure: str) -> float | None:
        """The median of a measure over the runs of a piece; None where there was none."""
        values = [one[measure] for one in self._all["pieces"].get(name, ())]
        return statistics.median(values) if values else None

    def text(self) -> str:
        """All that was measured, as JSON."""
        return json.dumps(self._all, indent=1) + "\n"

    def _ratios(self, measure: str) -> dict[str, list[float]]:
        """Median, lowest and highest of each ratio: first runs together, second ones, and so on."""
        found = {}
        for name, (over, under) in RATIOS.items():
            pairs = zip(*(self._all["pieces"].get(n, ()) for n in (over, under)), strict=False)
            values = [upper[measure] / lower[measure] for upper, lower in pairs]
            if values:
                shown = (statistics.median(values), min(values), max(values))
                found[name] = [round(value, 2) for value in shown]
        return found
