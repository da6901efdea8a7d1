"""Requests for instances, as the users of a recording would have made them."""

from collections.abc import Sequence
from typing import Literal

from schemas.pools import Pool, pool_of
from schemas.records import AllocationRequest
from schemas.topics import ALLOCATION_REQUESTS
from streams.collect.events import Event
from streams.collect.producer import TelemetryProducer

KINDS: dict[str, Literal["REQUEST", "RELEASE"]] = {"LAUNCH": "REQUEST", "EXIT": "RELEASE"}


class Requests:
    """Asks for an instance at each launch and gives it back at the exit.

    The id of a request is made of the source and the row, so that a repeat is known as one.
    """

    def __init__(self, producer: TelemetryProducer, pools: Sequence[Pool]) -> None:
        self._producer = producer
        self._pools = pools

    def send(self, event: Event) -> None:
        """Send what an event asks for, if anything."""
        kind = KINDS.get(event.activity.kind)
        if kind is None:
            return
        pool = pool_of(event.activity.program, self._pools)
        request = AllocationRequest(
            request_id=f"{self._producer.source}-{event.row}",
            kind=kind,
            user=self._producer.pseudonym(event.user),
            program=event.activity.program,
            pool=pool,
            time=event.activity.time,
        )
        self._producer.publish(ALLOCATION_REQUESTS, pool, request)
