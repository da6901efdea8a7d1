"""What a step wants done outside: events and actions to write, calls to make after the commit."""

from dataclasses import dataclass, field

from allocator.machine.observed import Call
from schemas.records import AllocationEvent, ReserveAction, ReserveStatus, ShadowEvent


@dataclass(slots=True)
class Outbox:
    """Outputs of one transaction, in order."""

    events: list[AllocationEvent] = field(default_factory=list)
    actions: list[ReserveAction] = field(default_factory=list)
    statuses: list[ReserveStatus] = field(default_factory=list)
    shadows: list[ShadowEvent] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.events or self.actions or self.statuses or self.shadows or self.calls)
