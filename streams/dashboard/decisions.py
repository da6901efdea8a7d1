"""Every decision that was told: cloud calls, answers to requests, shadow runs, new targets."""

from typing import Any

import msgspec

from schemas.records import AllocationEvent, ReserveAction, ReserveStatus, ShadowEvent
from streams.dashboard.newest import Newest
from streams.dashboard.paging import Query

KEPT = 5_000


class Decision(msgspec.Struct, frozen=True):
    """One decision.

    Parameters
    ----------
    decision_id
        Its address: where from, and the record's own id.
    time
        When, in unix milliseconds.
    what
        In two or three words.
    instance, request, intent, user, program
        What it is about, as far as it says.
    reason
        Why, as the allocator said it.
    record
        The whole record.
    """

    decision_id: str
    kind: str
    time: int
    pool: str
    what: str
    reason: str
    record: msgspec.Struct
    instance: str | None = None
    request: str | None = None
    intent: str | None = None
    user: str | None = None
    program: str | None = None

    def names(self) -> set[str]:
        """Return the ids that tie it to others."""
        return {name for name in (self.instance, self.request, self.intent) if name}

    def shown(self) -> dict[str, Any]:
        """Return it as plain data."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


class Decisions:
    """The newest decisions of all pools."""

    def __init__(self) -> None:
        self._kept = Newest[str, Decision](KEPT)

    def add(self, decision: Decision) -> None:
        """Keep one; a repeat takes the place of the first."""
        self._kept.put(decision.decision_id, decision)

    def forget(self, user: str) -> None:
        """Drop the decisions about a user."""
        self._kept.drop_where(lambda decision: decision.user == user)

    def get(self, decision_id: str) -> Decision | None:
        """Return one."""
        return self._kept.get(decision_id)

    def found(self, query: Query) -> list[Decision]:
        """Return those that match, newest first; `sort` may name a kind."""
        kept = [
            d
            for d in self._kept.values()
            if query.sort in {"", d.kind}
            and query.matches(d.pool, d.what, d.instance, d.request, d.user, d.program, d.reason)
        ]
        return sorted(kept, key=lambda d: d.time, reverse=True)

    def story(self, of: Decision) -> list[Decision]:
        """Return the decisions about the same instance, request or intent, in order."""
        names = of.names()
        told = [d for d in self._kept.values() if d.pool == of.pool and names & d.names()]
        return sorted(told, key=lambda d: d.time)

    def __len__(self) -> int:
        return len(self._kept)


def of_action(record: ReserveAction) -> Decision:
    """Return the decision that a call to the cloud is."""
    return Decision(
        f"action/{record.action_id}/{record.outcome}", "action", record.time, record.pool,
        f"{record.verb} {record.outcome}".lower(), record.reason, record,
        instance=record.instance_id, intent=record.intent_id,
    )  # fmt: skip


def of_event(record: AllocationEvent) -> Decision:
    """Return the decision that an answer to a request is, or what became of an instance."""
    what = record.kind.lower().replace("_", " ")
    if record.kind == "ASSIGNED" and record.tier:
        what += f" ({record.tier})"
    return Decision(
        f"event/{record.event_id}", "event", record.time, record.pool, what, record.reason, record,
        instance=record.instance_id, request=record.request_id, user=record.user,
        program=record.program,
    )  # fmt: skip


def of_shadow(record: ShadowEvent) -> Decision:
    """Return the decision that a shadow run is."""
    return Decision(
        f"shadow/{record.event_id}", "shadow", record.time, record.pool,
        f"shadow {record.kind.lower()}", record.reason, record, instance=record.instance_id,
        user=record.user, program=record.program,
    )  # fmt: skip


def of_target(record: ReserveStatus) -> Decision:
    """Return the decision that another target is."""
    return Decision(
        f"target/{record.pool}@{record.time}", "target", record.time, record.pool,
        f"target {record.target}", record.reason, record,
    )  # fmt: skip
