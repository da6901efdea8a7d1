"""Requests, releases, extensions and cancellations: exactly one answer to each request id."""

from collections.abc import Container, Mapping
from types import MappingProxyType
from typing import Literal

import msgspec

from allocator.machine.instance import Instance, Lease, LeaseState, Start
from allocator.machine.ledger import PoolLedger
from allocator.machine.lifecycle import SHADOWED, WARM, Phase
from allocator.machine.observed import Call, CloudStatus, Verb
from allocator.machine.outbox import Outbox
from allocator.machine.standing import deadline_of, priority_of
from allocator.machine.tiers import BY_TIER, TIER_OF, WAKE
from schemas.records import AllocationEvent, AllocationRequest

Kind = Literal["ASSIGNED", "RELEASED", "EXTENDED", "CANCELLED", "REJECTED", "FAILED"]


class LeaseTerms(msgspec.Struct, frozen=True, kw_only=True):
    """How long things may last.

    Parameters
    ----------
    max_wait_ms
        A request without a deadline waits at most this long.
    lease_ms
        An instance that is not released is taken back after this; None never.
    remember_ms
        How long an ended lease is kept for repeats of its request.
    widens
        Whether an assigned instance gets another bandwidth than a waiting one.
    """

    max_wait_ms: int = 900_000
    lease_ms: int | None = 24 * 3_600_000
    remember_ms: int = 2 * 3_600_000
    widens: bool = False


class LeaseDesk:
    """Answers requests from a ledger.

    Parameters
    ----------
    ledger, terms
        The pool's books, and how long things may last.
    sensitivities
        Latency sensitivity by person, where known; 1 is a normal user.

    Examples
    --------
    >>> ledger, outbox = PoolLedger("office", cap=2, epoch=1), Outbox()
    >>> desk = LeaseDesk(ledger, LeaseTerms())
    >>> ask = AllocationRequest(request_id="r", kind="REQUEST", user="a", program="mail", time=5)
    >>> desk.apply(ask, 5, outbox)
    False
    >>> ledger.waiting
    1
    """

    def __init__(
        self, ledger: PoolLedger, terms: LeaseTerms,
        sensitivities: Mapping[str, float] = MappingProxyType({}),
    ) -> None:  # fmt: skip
        self.ledger = ledger
        self.terms = terms
        self._sensitivities = sensitivities

    def apply(self, request: AllocationRequest, now_ms: int, outbox: Outbox) -> bool | None:
        """Act on a request.

        Returns
        -------
        Whether a new request found a warm instance; None where it was no new request.
        """
        lease = self.ledger.leases.get(request.request_id)
        if request.kind == "REQUEST":
            if lease is not None:
                self._repeat(lease, outbox)
                return None
            return self._open(request, now_ms, outbox)
        if lease is None:
            self._refuse_unknown(request, now_ms, outbox)
        elif request.kind == "RELEASE":
            self._release(lease, now_ms, outbox)
        elif request.kind == "CANCEL":
            self._cancel(lease, now_ms, outbox)
        else:
            self._extend(lease, request, now_ms, outbox)
        return None

    def serve_waiting(self, now_ms: int, outbox: Outbox) -> None:
        """Give free instances to those who wait, the most urgent first."""
        while (lease := self.ledger.next_waiting()) is not None:
            instance = self._prepared(lease) or self._best()
            if instance is None:
                return
            tier = "cold" if instance.phase in WARM else TIER_OF.get(instance.phase, "active")
            self._assign(lease, instance, tier, now_ms, outbox)

    def end(
        self, lease: Lease, state: LeaseState, kind: Kind, now_ms: int, reason: str, outbox: Outbox
    ) -> None:
        """Close a lease; its instance, if any, is released and will be recycled."""
        instance = self.ledger.instances.get(lease.intent_id or "")
        lease.ended_ms, lease.reason = now_ms, reason
        self.ledger.settle_lease(lease, state)
        if instance is not None and instance.phase is Phase.ASSIGNED:
            instance.request_id = None
            self.ledger.move(instance, Phase.RELEASED, now_ms, reason)
        outbox.events.append(self._event(lease, kind, now_ms))

    def _open(self, request: AllocationRequest, now_ms: int, outbox: Outbox) -> bool:
        sensitivity = self._sensitivities.get(request.user, 1.0)
        lease = Lease(
            request_id=request.request_id, user=request.user, program=request.program,
            state=LeaseState.WAITING, asked_ms=now_ms,
            deadline_ms=deadline_of(
                request.deadline, now_ms, self.terms.max_wait_ms, sensitivity
            ),
            priority=priority_of(request.priority, sensitivity),
        )  # fmt: skip
        self.ledger.add_lease(lease)
        # Who waits already comes first, unless this one is more urgent.
        is_first = self.ledger.next_waiting() is lease
        # What was prepared for the user is nobody else's, whoever waits.
        instance = self._prepared(lease) or (self._best() if is_first else None)
        is_hit = instance is not None and instance.phase in {*WARM, *SHADOWED}
        self._count(sensitivity, hit=is_hit)
        if instance is not None:
            self._assign(lease, instance, TIER_OF.get(instance.phase, "active"), now_ms, outbox)
        return is_hit

    def _count(self, sensitivity: float, *, hit: bool) -> None:
        totals = self.ledger.totals
        totals.hits += hit
        totals.misses += not hit
        totals.trust.served(hit=hit)
        totals.asked_by = min(totals.asked_by + 1.0, 500.0)
        totals.sensitivity += (sensitivity - totals.sensitivity) / totals.asked_by
        self.ledger.totals_changed = True

    def _prepared(self, lease: Lease) -> Instance | None:
        """The instance on which this person's program was begun, the readiest first."""
        mine = (
            instance
            for instance in self.ledger.in_phase(*SHADOWED)
            if instance.shadow is not None
            and instance.intent_id not in self.ledger.unwell
            and (instance.shadow.user, instance.shadow.program) == (lease.user, lease.program)
        )
        return next(mine, None)

    def _best(self) -> Instance | None:
        """The instance that serves soonest: of each tier the one that has been in it longest.

        One on a silent host only where there is no other, as its guest may well run; one that is
        switched off never.
        """
        unwell = self.ledger.unwell
        return self._first(unwell) or self._first(
            {name for name, status in unwell.items() if status is CloudStatus.OFF}
        )

    def _first(self, without: Container[str]) -> Instance | None:
        found = (self.ledger.first(phase, without) for phase in BY_TIER.values())
        return next((instance for instance in found if instance is not None), None)

    def _assign(
        self, lease: Lease, instance: Instance, tier: str, now_ms: int, outbox: Outbox
    ) -> None:
        slept = instance.phase
        if slept in WAKE:
            self._call(WAKE[slept], instance, lease, now_ms, outbox)
        if self.terms.widens:
            self._call(Verb.WIDEN, instance, lease, now_ms, outbox)
        if instance.phase in SHADOWED and instance.shadow is not None:
            shadow = instance.shadow
            lease.prepared_steps = shadow.steps[: len(shadow.took_ms)]
            lease.saved_ms = shadow.saved_ms(now_ms)
        self.ledger.move(instance, Phase.ASSIGNED, now_ms)
        instance.request_id = lease.request_id
        instance.asleep = slept in WAKE
        instance.woken_from = TIER_OF[slept] if slept in WAKE else ""
        lease.tier = tier
        lease.intent_id, lease.instance_id = instance.intent_id, instance.instance_id
        lease.wait_ms, lease.answered_ms = now_ms - lease.asked_ms, now_ms
        lease.until_ms = None if self.terms.lease_ms is None else now_ms + self.terms.lease_ms
        self.ledger.settle_lease(lease, LeaseState.ASSIGNED)
        outbox.events.append(self._event(lease, "ASSIGNED", now_ms))

    def _call(
        self, verb: Verb, instance: Instance, lease: Lease, now_ms: int, outbox: Outbox
    ) -> None:
        reason = f"assigned to {lease.request_id}"
        outbox.calls.append(
            Call(
                verb, self.ledger.pool, instance.intent_id, instance.instance_id, now_ms, reason
            )
        )  # fmt: skip

    def _repeat(self, lease: Lease, outbox: Outbox) -> None:
        """Answer again with the same events, if there is an answer."""
        if lease.answered_ms is not None:
            outbox.events.append(self._event(lease, "ASSIGNED", lease.answered_ms))
            if lease.start in {Start.STARTED, Start.FAILED}:
                outbox.events.append(start_event(self.ledger.pool, lease))
        elif lease.state is LeaseState.REJECTED and lease.ended_ms is not None:
            outbox.events.append(self._event(lease, "REJECTED", lease.ended_ms))

    def _release(self, lease: Lease, now_ms: int, outbox: Outbox) -> None:
        if lease.state is LeaseState.ASSIGNED:
            self.end(lease, LeaseState.RELEASED, "RELEASED", now_ms, "released by its user", outbox)
        elif lease.state is LeaseState.WAITING:
            self._cancel(lease, now_ms, outbox)

    def _cancel(self, lease: Lease, now_ms: int, outbox: Outbox) -> None:
        if lease.state is LeaseState.WAITING:
            reason = "given up before it was served"
            self.end(lease, LeaseState.CANCELLED, "CANCELLED", now_ms, reason, outbox)
        elif lease.state is LeaseState.ASSIGNED:
            self._release(lease, now_ms, outbox)

    def _extend(
        self, lease: Lease, request: AllocationRequest, now_ms: int, outbox: Outbox
    ) -> None:
        if lease.state is not LeaseState.ASSIGNED:
            self._refuse(lease.request_id, request, now_ms, f"the lease is {lease.state}", outbox)
            return
        if request.deadline is not None:
            lease.until_ms = request.deadline
        elif self.terms.lease_ms is not None:
            lease.until_ms = request.time + self.terms.lease_ms
        self.ledger.note_lease(lease)
        event = self._event(lease, "EXTENDED", now_ms)
        event_id = f"{lease.request_id}/EXTENDED/{lease.until_ms}"
        outbox.events.append(msgspec.structs.replace(event, event_id=event_id))

    def _refuse_unknown(self, request: AllocationRequest, now_ms: int, outbox: Outbox) -> None:
        self._refuse(request.request_id, request, now_ms, "no such lease, or long ended", outbox)

    def _refuse(
        self, request_id: str, request: AllocationRequest, now_ms: int, reason: str, outbox: Outbox
    ) -> None:
        outbox.events.append(
            AllocationEvent(
                event_id=f"{request_id}/{request.kind}-REJECTED/{request.time}",
                request_id=request_id, kind="REJECTED", pool=self.ledger.pool, time=now_ms,
                reason=reason, user=request.user, program=request.program,
            )
        )  # fmt: skip

    def _event(self, lease: Lease, kind: Kind, at_ms: int) -> AllocationEvent:
        return AllocationEvent(
            event_id=f"{lease.request_id}/{kind}", request_id=lease.request_id, kind=kind,
            pool=self.ledger.pool, instance_id=lease.instance_id, tier=lease.tier,
            wait_ms=lease.wait_ms, time=at_ms,
            reason=lease.reason if kind != "ASSIGNED" else _assigned_reason(lease),
            user=lease.user, program=lease.program, prepared_steps=lease.prepared_steps,
            saved_s=None if lease.saved_ms is None else lease.saved_ms / 1000,
        )  # fmt: skip


def start_event(pool: str, lease: Lease) -> AllocationEvent:
    """Return what became of a lease's program, as an event that a repeat gives again."""
    kind: Literal["STARTED", "START_FAILED"] = (
        "STARTED" if lease.start is Start.STARTED else "START_FAILED"
    )
    return AllocationEvent(
        event_id=f"{lease.request_id}/{kind}", request_id=lease.request_id, kind=kind, pool=pool,
        instance_id=lease.instance_id, tier=lease.tier, wait_ms=lease.start_wait_ms,
        time=lease.asked_ms + (lease.start_wait_ms or 0), reason=lease.start_detail,
        user=lease.user, program=lease.program,
    )  # fmt: skip


def _assigned_reason(lease: Lease) -> str:
    """Why it was assigned, told from the answer alone: a repeat comes after the reason changed."""
    if lease.saved_ms is not None:
        return f"prepared ahead: {', '.join(lease.prepared_steps) or 'begun'}"
    if lease.tier == "cold":
        return "nothing was warm; the first instance to become free"
    return f"nothing better than the oldest {lease.tier} instance of the reserve"
