"""What a step wants done outside: events and actions to write, calls to make after the commit."""

from dataclasses import dataclass, field

from allocator.machine.observed import Call
from allocator.machine.starts import StartCall
from schemas.records import (
    AllocationEvent,
    AnomalyAlert,
    ReserveAction,
    ReserveStatus,
    ShadowEvent,
)


@dataclass(slots=True)
class Outbox:
    """Outputs of one transaction, in order."""

    events: list[AllocationEvent] = field(default_factory=list)
    actions: list[ReserveAction] = field(default_factory=list)
    statuses: list[ReserveStatus] = field(default_factory=list)
    shadows: list[ShadowEvent] = field(default_factory=list)
    alerts: list[AnomalyAlert] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    starts: list[StartCall] = field(default_factory=list)

    def __bool__(self) -> bool:
        written = self.events or self.actions or self.statuses or self.shadows
        return bool(written or self.alerts or self.calls or self.starts)

    def add(self, other: "Outbox") -> None:
        """Put another's outputs after these."""
        for name in ("events", "actions", "statuses", "shadows", "alerts", "calls", "starts"):
            getattr(self, name).extend(getattr(other, name))
