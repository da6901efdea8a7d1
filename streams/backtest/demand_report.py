"""What `warmfront backtest demand` prints: skill against naive forecasts, coverage, reliability."""

from typing import Any

import plotext
from rich.table import Table

from streams.runtime.terminal import Terminal

CHART_WIDTH, CHART_HEIGHT = 46, 14


def print_report(result: dict[str, Any], console: Terminal) -> None:
    """Print the result of a run as tables and reliability diagrams."""
    console.print(_skill(result))
    console.print(_coverage(result))
    charts = [reliability_chart(h, s["reliability"]) for h, s in result["horizons"].items()]
    for lines in zip(*(chart.splitlines() for chart in charts), strict=True):
        console.out("  ".join(lines), highlight=False)


def _skill(result: dict[str, Any]) -> Table:
    title = f"demand: {result['n']:,} rows, mean {result['mean']:,.4g}"
    table = Table(title=title, title_justify="left")
    columns = ("horizon", "MAE/mean", "to naive", "skill", "Winkler 90 %", "to naive", "skill")
    for name in columns:
        table.add_column(name, justify="right")
    for horizon, scores in result["horizons"].items():
        naive = result["baselines"][horizon]
        table.add_row(
            horizon,
            f"{scores['mae_ratio']:.3f}",
            *_ratio_and_skill(naive["mae_to_naive"]),
            f"{scores['winkler90']:,.4g}",
            *_ratio_and_skill(naive["winkler_to_naive"]),
        )
    return table


def _ratio_and_skill(ratio: float | None) -> tuple[str, str]:
    """Return a score as a ratio to the best naive forecast's, and what is gained on it.

    Examples
    --------
    >>> _ratio_and_skill(0.8)
    ('0.800', '+20 %')
    """
    return ("-", "-") if ratio is None else (f"{ratio:.3f}", f"{100 * (1 - ratio):+.0f} %")


def _coverage(result: dict[str, Any]) -> Table:
    table = Table(title="in the 90 % interval", title_justify="left")
    for name in ("horizon", "all", "night", "day", "least month", "most month", "width"):
        table.add_column(name, justify="right")
    for horizon, scores in result["horizons"].items():
        groups = scores["coverage90_by"]
        shares = [scores["coverage90"]]
        shares += [groups[name] for name in ("night", "day", "month_least", "month_most")]
        told = ("-" if share is None else f"{share:.3f}" for share in shares)
        table.add_row(horizon, *told, f"{scores['width90']:,.4g}")
    return table


def reliability_chart(horizon: str, reliability: dict[str, float]) -> str:
    """Return a reliability diagram: share of outcomes below each quantile, over its level.

    On the dotted line the stated probabilities hold.
    """
    figure = plotext.figure.clear()
    figure.theme("colorless")
    figure.plot_size(CHART_WIDTH, CHART_HEIGHT)
    figure.title(f"{horizon} ahead: share below, by stated level")
    figure.ruler("x").lim(0, 1)
    figure.ruler("y").lim(0, 1)
    figure.ruler("x").ticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"])
    figure.draw(figure.signal([0, 1], [0, 1], marker="·").lines())
    levels = [float(level) for level in reliability]
    figure.draw(figure.signal(levels, list(reliability.values()), marker="●"))
    return str(plotext.uncolorize(str(figure.build())))
