"""The live summary in the terminal: processes, reserve, latest events."""

import json
import urllib.request
from collections.abc import Mapping
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from infra.local.supervisor import ServiceStatus, State
from streams.runtime.terminal import Terminal

TIMEOUT_S = 0.5
STYLES = {
    State.RUNNING: "green",
    State.DONE: "dim",
    State.FAILED: "red",
    State.RESTARTING: "yellow",
}


class LiveSummary:
    """Renders what runs and what the page knows.

    Parameters
    ----------
    url
        Address of the page.
    metrics
        Addresses of the processes' metrics, by name.
    """

    def __init__(self, url: str, metrics: Mapping[str, str]) -> None:
        self._url = url
        self._metrics = metrics
        self._told: dict[str, State] = {}

    def render(self, status: list[ServiceStatus]) -> Group:
        """Return the summary for a terminal."""
        known = self._fetch() if any(s.name == "dashboard" and s.pid for s in status) else None
        parts: list[Any] = [Text.assemble(("Warmfront  ", "bold"), self._url), _processes(status)]
        if known is not None:
            parts += [_reserve(known), _latest(known)]
        if self._metrics:
            parts.append(Text(f"metrics  {self._metrics_text()}", style="dim"))
        parts.append(Text("Ctrl-C stops everything.", style="dim"))
        return Group(*parts)

    def print_changes(self, status: list[ServiceStatus], console: Terminal) -> None:
        """Without a terminal: a line for each change of a process."""
        for one in status:
            if self._told.get(one.name) != one.state:
                self._told[one.name] = one.state
                console.print(f"{one.name}: {one.state}", highlight=False)
                if one.name == "dashboard" and one.state is State.RUNNING:
                    console.print(f"page: {self._url}", highlight=False)
                    console.print(f"metrics: {self._metrics_text()}", highlight=False)

    def _metrics_text(self) -> str:
        return "  ".join(f"{name} {url}" for name, url in self._metrics.items()) or "none"

    def _fetch(self) -> dict[str, Any] | None:
        try:
            with urllib.request.urlopen(f"{self._url}api/summary", timeout=TIMEOUT_S) as reply:  # noqa: S310 - our own page
                loaded: dict[str, Any] = json.load(reply)
                return loaded
        except OSError:
            return None


def _processes(status: list[ServiceStatus]) -> Table:
    table = Table("process", "state", "restarts", "memory", box=None, pad_edge=False)
    for one in status:
        memory = f"{one.rss_bytes / 2**20:.0f} MiB" if one.rss_bytes else ""
        style = STYLES.get(one.state, "")
        table.add_row(one.name, Text(one.state, style), str(one.restarts or ""), memory)
    return table


def _reserve(known: dict[str, Any]) -> Table:
    table = Table(
        "pool", "target", "ready", "building", "in use", "warm", "why", box=None, pad_edge=False
    )
    for pool in known["reserve"]:
        asked = pool["hits"] + pool["misses"]
        warm = f"{pool['hit_rate']:.0%} of {asked}" if asked else ""
        numbers = (str(pool[name]) for name in ("target", "ready", "building", "leased"))
        table.add_row(pool["pool"], *numbers, warm, pool["reason"])
    return table


def _latest(known: dict[str, Any]) -> Text:
    counts = known["counts"]
    text = Text("forecasts ")
    text.append(str(counts.get("forecasts.demand", 0)), "bold")
    for name, topic in (
        ("predictions", "predictions.programs"), ("assignments", "allocation.events"),
        ("alerts", "alerts.anomalies"),
    ):  # fmt: skip
        text.append(f"   {name} ").append(str(counts.get(topic, 0)), "bold")
    for prediction in known["predictions"][:1]:
        if prediction["candidates"]:
            best = prediction["candidates"][0]
            text.append(f"\nafter {prediction['after_program']}: {best['program']} next, ")
            text.append(f"{best['p_next']:.0%}", "bold")
    return text
