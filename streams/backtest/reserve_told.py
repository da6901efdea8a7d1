"""The cost report in the terminal: what a reserve cost, saved and regretted, and who was served."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.table import Table

from streams.runtime.terminal import Terminal

_HOUR_S = 3_600.0
_TOLERATED = 0.005
_MOST_BELOW = 0.05  # of the promise, in any hour of the day


def print_cost(result: dict[str, Any]) -> None:
    """Print idle hours, waits, regret and first requests after a pause."""
    table = Table("cost", "", title="from 24 h after the first request on")
    for name, text in (*_costs(result["cost"]), *_regrets(result), *_firsts(result)):
        table.add_row(name, text)
    Terminal().print(table)


def print_promise(result: dict[str, Any], target_hit_rate: float) -> None:
    """Say whether the promise was kept, and which share of the misses nobody could foresee."""
    short = target_hit_rate - result["hit_rate"]
    kept = "kept" if short <= _TOLERATED else f"missed by {100 * short:.1f} points"
    text = f"promise of {target_hit_rate:.1%} {kept}: {result['hit_rate']:.2%}"
    unforeseen = result["missed_without_warning"]
    if unforeseen is not None:
        text += f"; {unforeseen:.0%} of the misses came after 15 minutes without any request"
    Terminal().print(text)


def print_hours(by_hour: Sequence[float | None], target_hit_rate: float) -> None:
    """Print the worst hours of the day, and say plainly where the promise does not hold there."""
    asked = sorted((rate, hour) for hour, rate in enumerate(by_hour) if rate is not None)
    worst = ", ".join(f"{hour:02}h {rate:.1%}" for rate, hour in asked[:3])
    text = f"worst hours of the day (UTC): {worst}"
    below = [f"{hour:02}h" for rate, hour in asked if rate < target_hit_rate - _MOST_BELOW]
    if below:
        text += f"; more than {_MOST_BELOW:.0%} below the promise: {', '.join(below)}"
    Terminal().print(text)


def print_front(
    front: list[dict[str, float]], prices: list[dict[str, float]], baselines: dict[str, Any]
) -> None:
    """Draw hit rate against cost, and print what each further 0.1 % of hits costs."""
    import plotext as plt  # noqa: PLC0415 - only who plots pays for it

    plt.clear_figure()
    plt.plot(
        [p["paid_mean"] for p in front], [100 * p["hit_rate"] for p in front], label="warmfront"
    )
    for name, row in baselines.items():
        if row:
            plt.scatter([row["paid_mean"]], [100 * row["hit_rate"]], label=name.replace("_", " "))
    plt.plotsize(80, 22)
    plt.title("hit rate (%) against mean instances paid")
    plt.show()
    table = Table("from", "to", "instances paid for each further 0.1 % of hits")
    for price in prices:
        table.add_row(f"{price['from']:.2%}", f"{price['to']:.2%}", f"{price['paid_per_0.1%']:.4g}")
    Terminal().print(table)


def _costs(cost: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "instance-hours paid", f"{cost['paid_instance_hours']:,.0f}"
    yield "of these ready and idle", f"{cost['idle_instance_hours']:,.0f}"
    yield "hits", f"{cost['hits']:,}"
    yield "misses", f"{cost['misses']:,}"
    yield "hours waited for launches", f"{cost['waited_s'] / _HOUR_S:,.1f}"
    yield "hours of waiting saved", f"{cost['saved_wait_s'] / _HOUR_S:,.1f}"


def _regrets(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Mean instances more (or less) than others would have paid for the same promise."""
    for name, regret in result.get("regret_against", {}).items():
        yield f"mean instances against {name.replace('_', ' ')}", f"{regret:+,.2f}"


def _firsts(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    firsts = result["first_after_idle"]
    if firsts is not None:
        hours = firsts["idle_s"] / _HOUR_S
        yield f"first requests after {hours:.0f} idle hours", f"{firsts['requests']:,}"
        yield "of these warm", f"{firsts['warm']:.1%}"
        yield "people with 85 % of theirs warm", f"{firsts['people_at_85']:.1%}"
