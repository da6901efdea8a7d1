"""`warmfront explain INSTANCE|POOL`: why it is as it is, from what the allocator wrote."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer
from rich.table import Table

from schemas.records import AllocationEvent, ReserveAction, ReserveStatus
from schemas.topics import ALLOCATION_EVENTS, RESERVE_ACTIONS, RESERVE_STATUS
from streams.cli.shown import NOT_FOUND, fail, plain, records, when
from streams.runtime.terminal import Terminal

WAY_BACK = 20_000
LAST = 12
SECOND = "%Y-%m-%d %H:%M:%S"


@dataclass(slots=True)
class Told:
    """What the topics say of one pool or instance, each repeat dropped.

    Parameters
    ----------
    status
        The pool's newest.
    actions, events
        In order of time.
    """

    status: ReserveStatus | None = None
    actions: list[ReserveAction] = field(default_factory=list)
    events: list[AllocationEvent] = field(default_factory=list)


def command(
    name: Annotated[str, typer.Argument(help="An instance's id, its intent's, or a pool's name.")],
    *,
    last: Annotated[int, typer.Option(help="How many actions and events of a pool.")] = LAST,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Tell why a pool's reserve has its size, or all that happened to an instance and why."""
    told = look_up(
        name,
        records(RESERVE_STATUS, ReserveStatus, WAY_BACK),
        records(RESERVE_ACTIONS, ReserveAction, WAY_BACK),
        records(ALLOCATION_EVENTS, AllocationEvent, WAY_BACK),
    )
    if not (told.status or told.actions or told.events):
        fail(f"no pool and no instance {name} in the last {WAY_BACK} messages", NOT_FOUND)
    if told.status is not None:
        told.actions, told.events = told.actions[-last:], told.events[-last:]
    lines = story(told)
    if as_json:
        typer.echo(json.dumps(_json(name, told, lines)))
        return
    console = Terminal()
    if told.status is not None:
        console.print(_table(told.status))
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)


def look_up(
    name: str,
    statuses: Iterable[ReserveStatus],
    actions: Iterable[ReserveAction],
    events: Iterable[AllocationEvent],
) -> Told:
    """Gather what is said of a pool, or of an instance by its own or its intent's id."""
    told = Told()
    for status in statuses:
        if status.pool == name and (told.status is None or status.time >= told.status.time):
            told.status = status
    by_id = {action.action_id: action for action in actions}
    ids = _ids(name, by_id.values())
    mine = (a for a in by_id.values() if a.pool == name or {a.instance_id, a.intent_id} & ids)
    told.actions = sorted(mine, key=lambda action: action.time)
    seen = {e.event_id: e for e in events if e.pool == name or e.instance_id in ids}
    told.events = sorted(seen.values(), key=lambda e: e.time)
    return told


def _ids(name: str, actions: Iterable[ReserveAction]) -> set[str | None]:
    """An instance's own and its intent's id: it gets the first with the answer to its launch."""
    ids: set[str | None] = {name}
    for action in actions:
        both = {action.instance_id, action.intent_id} - {None}
        if name in both:
            ids |= both
    return ids


def story(told: Told) -> list[str]:
    """What happened, a line each, oldest first; then how it stands."""
    steps = [(a.time, _action(a)) for a in told.actions] + [
        (e.time, _event(e)) for e in told.events
    ]
    lines = [f"{when(at, SECOND)}  {text}" for at, text in sorted(steps, key=lambda step: step[0])]
    if told.status is not None:
        lines += _why(told.status)
    return lines


def _action(action: ReserveAction) -> str:
    text = f"{action.verb.lower()} {action.outcome.lower()}: {action.reason}"
    return f"{text} ({action.error})" if action.error else text


def _event(event: AllocationEvent) -> str:
    who = f" to {event.request_id} of {event.user}" if event.kind == "ASSIGNED" else ""
    tier = f" from {event.tier}" if event.tier and event.kind == "ASSIGNED" else ""
    wait = f" after {event.wait_ms / 1000:.1f} s" if event.wait_ms is not None else ""
    return f"{event.kind.lower()}{who}{tier}{wait}: {event.reason}"


def _why(status: ReserveStatus) -> list[str]:
    lines = [f"target {status.target}: {status.reason}"]
    if status.floor:
        lines.append(f"held at a reactive policy's size: {status.floor}")
    if status.forecast is not None and status.forecast_high is not None:
        lines.append(
            f"forecast for a lead time: {status.forecast:.3g}, at most {status.forecast_high:.3g}"
        )
    if status.intents:
        lines.append(f"expected of the people active now: {status.intents:.3g}")
    if status.forecast_1h is not None and status.forecast_1h_high is not None:
        lines.append(
            f"last hour: {status.demand_1h} requests, forecast {status.forecast_1h:.3g}, "
            f"at most {status.forecast_1h_high:.3g}"
        )
    return [*lines, *(f"wrong: {flag}" for flag in status.flags)]


def _table(status: ReserveStatus) -> Table:
    table = Table(
        title=f"pool {status.pool} at {when(status.time, SECOND)}", title_justify="left", box=None
    )
    columns = ("target", "ready", "paused", "suspended", "shelved", "building", "leased", "cap")
    for name in (*columns, "warm", "promised", "lead time"):
        table.add_column(name, justify="right")
    lead = f"{status.lead_time_s:.0f} s"
    if status.lead_time_s_p95 is not None:
        lead += f" (95 %: {status.lead_time_s_p95:.0f} s)"
    table.add_row(
        *(str(getattr(status, name)) for name in columns),
        f"{status.hit_rate:.1%}", f"{status.target_hit_rate:.1%}", lead,
    )  # fmt: skip
    return table


def _json(name: str, told: Told, lines: list[str]) -> dict[str, Any]:
    return {
        "name": name,
        "status": None if told.status is None else plain(told.status),
        "actions": [plain(action) for action in told.actions],
        "events": [plain(event) for event in told.events],
        "story": lines,
    }
