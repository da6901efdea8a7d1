"""Asks the allocator for instances and waits for its answers."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Literal, Self

from schemas.codec import Codec, SchemaIds
from schemas.pools import load_pools, pool_of
from schemas.records import AllocationEvent, AllocationRequest
from schemas.registry import RegistryIds
from schemas.settings import Settings
from schemas.topics import ALLOCATION_EVENTS, ALLOCATION_REQUESTS
from streams.client.tail import Tail
from streams.collect.delivery import Delivery
from streams.collect.pseudonym import Pseudonyms
from streams.collect.validity import check_name, milliseconds

DELIVERY_TIMEOUT_S = 30.0
WAIT_S = 900.0  # as long as the allocator lets a request without a deadline wait

Kind = Literal["REQUEST", "RELEASE", "EXTEND", "CANCEL"]
When = datetime | float


class NotAssignedError(RuntimeError):
    """No instance was assigned; the text has the allocator's reason, or says that none came."""


@dataclass(frozen=True, slots=True)
class Lease:
    """An instance that is yours until you release it.

    Parameters
    ----------
    request_id
        Names the lease.
    instance_id
        The cloud's name of the instance.
    tier
        Where it came from: active, paused, shelved, or cold.
    wait_s
        How long the allocator took, in its own time.
    """

    request_id: str
    pool: str
    user: str
    program: str
    instance_id: str
    tier: str
    wait_s: float


@dataclass(frozen=True, slots=True)
class _Asked:
    user: str
    program: str
    pool: str


class Instances:
    """Requests, extends and releases instances. Not thread-safe.

    Parameters
    ----------
    settings
        Where Kafka and the registry are, the pseudonym key, and the pools file that tells which
        pool serves a program.
    ids
        Source of schema ids, by default the registry.

    Raises
    ------
    TopicUnreadableError
        If the topics don't exist or Kafka does not answer.

    Examples
    --------
    With a broker at hand (tests/integration/test_client.py does it)::

        with Instances(Settings()) as instances:
            with instances.leased("ada", "editor", timeout_s=60) as lease:
                print(lease.instance_id, lease.tier, lease.wait_s)
    """

    def __init__(self, settings: Settings, ids: SchemaIds | None = None) -> None:
        ids = ids or RegistryIds.of(settings)
        self._settings = settings
        self._codec = Codec(ids, settings.topic_prefix)
        self._names = Pseudonyms.from_settings(settings)
        self._pools = load_pools(settings.pools_file)
        self._asked: dict[str, _Asked] = {}
        self._waiting: set[str] = set()  # those of them without an answer so far
        self._answers: dict[str, AllocationEvent] = {}
        # From before the first request, so that no answer is missed.
        self._events = Tail(
            settings, ALLOCATION_EVENTS, AllocationEvent, lambda event: event.event_id, ids=ids
        )
        self._delivery = Delivery(settings, DELIVERY_TIMEOUT_S)

    def ask(
        self,
        user: str,
        program: str,
        *,
        pool: str | None = None,
        deadline: When | None = None,
        priority: int | None = None,
    ) -> str:
        """Ask for an instance and return the request's id at once; `wait` gives the answer.

        Parameters
        ----------
        user
            Who; leaves this process as a pseudonym where the deployment has a key.
        program
            For what; it chooses the pool where none is given.
        deadline
            The allocator gives up at this time.
        priority
            Who waits with a larger one is served first.

        Raises
        ------
        DeliveryError
            If Kafka doesn't take it.
        """
        check_name("user", user)
        check_name("program", program)
        name = uuid.uuid4().hex
        self._asked[name] = _Asked(
            self._names.user(user), program, pool or pool_of(program, self._pools)
        )
        self._waiting.add(name)
        self._send("REQUEST", name, deadline, priority)
        return name

    def wait(self, request_id: str, timeout_s: float = WAIT_S) -> Lease:
        """Return the lease of a request, once, or give the request up.

        Raises
        ------
        NotAssignedError
            If the allocator refuses, or no answer came in time; the request is then cancelled, so
            that no instance is given to nobody.
        """
        end_s = time.monotonic() + timeout_s
        while request_id not in self._answers:
            event = self._events.next(max(end_s - time.monotonic(), 0.0))
            if event is None:
                self._send("CANCEL", request_id)
                self._waiting.discard(request_id)
                del self._asked[request_id]
                raise NotAssignedError(f"no answer in {timeout_s:g} s; the request is cancelled")
            if event.request_id in self._waiting:
                self._waiting.discard(event.request_id)
                self._answers[event.request_id] = event
        return self._lease(self._answers.pop(request_id))

    def request(
        self, user: str, program: str, *, pool: str | None = None, timeout_s: float = WAIT_S
    ) -> Lease:
        """Ask for an instance and wait for it; errors as of `ask` and `wait`."""
        return self.wait(self.ask(user, program, pool=pool), timeout_s)

    def extend(self, lease: Lease, until: When) -> None:
        """Keep an instance until a time, if the allocator still knows the lease."""
        self._send("EXTEND", lease.request_id, until)

    def release(self, lease: Lease) -> None:
        """Give an instance back; a second time does nothing."""
        if lease.request_id in self._asked:
            self._send("RELEASE", lease.request_id)
            del self._asked[lease.request_id]

    @contextmanager
    def leased(
        self, user: str, program: str, *, pool: str | None = None, timeout_s: float = WAIT_S
    ) -> Iterator[Lease]:
        """Give an instance for the time of a `with` block."""
        lease = self.request(user, program, pool=pool, timeout_s=timeout_s)
        try:
            yield lease
        finally:
            self.release(lease)

    def close(self) -> None:
        """Let go of the connections; leases go on."""
        self._events.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _lease(self, event: AllocationEvent) -> Lease:
        name = event.request_id or ""
        asked = self._asked[name]
        if event.kind != "ASSIGNED" or event.instance_id is None:
            del self._asked[name]
            raise NotAssignedError(f"{event.kind.lower()}: {event.reason}")
        return Lease(
            name, event.pool, asked.user, asked.program, event.instance_id, event.tier or "",
            (event.wait_ms or 0) / 1000,
        )  # fmt: skip

    def _send(
        self, kind: Kind, name: str, deadline: When | None = None, priority: int | None = None
    ) -> None:
        """Send and wait until Kafka has it: what was asked must not hang in a queue unseen."""
        asked = self._asked[name]
        request = AllocationRequest(
            request_id=name, kind=kind, user=asked.user, program=asked.program, pool=asked.pool,
            time=milliseconds(time.time()), priority=priority,
            deadline=None if deadline is None else milliseconds(deadline),
        )  # fmt: skip
        value = self._codec.encode(ALLOCATION_REQUESTS, request)
        self._delivery.produce(self._settings.topic(ALLOCATION_REQUESTS.name), asked.pool, value)
        self._delivery.flush(DELIVERY_TIMEOUT_S)
