"""The curve of shadow runs as a picture: seconds saved against instance-minutes wasted."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure


def plot_curve(path: Path, points: Sequence[dict[str, Any]], title: str) -> None:
    """Draw each policy's points, both axes on a log scale.

    Parameters
    ----------
    path
        Picture; its ending tells the format.
    points
        With `policy`, `saved_s` and `wasted_min`.
    """
    figure = Figure(figsize=(7.0, 4.5), layout="constrained")
    axes = figure.subplots()
    for policy in dict.fromkeys(p["policy"] for p in points):
        mine = [p for p in points if p["policy"] == policy and p["wasted_min"] > 0]
        axes.plot(
            [p["wasted_min"] for p in mine], [p["saved_s"] for p in mine], marker="o", label=policy
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("instance-minutes wasted")
    axes.set_ylabel("seconds of waiting saved")
    axes.set_title(title)
    axes.grid(visible=True, which="both", alpha=0.3)
    axes.legend()
    figure.savefig(path)
