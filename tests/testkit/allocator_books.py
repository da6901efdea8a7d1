"""What an allocator's answers, its books and the simulated cloud say, held against each other."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable

from allocator.machine.ledger import PoolLedger
from schemas.records import AllocationEvent, ReserveState
from schemas.settings import Settings
from schemas.topics import RESERVE_STATE
from tests.testkit.pipeline import Deployment
from tests.testkit.telemetry import read_all

# An answer ends the wait of a request; one that was given back before it was served has the last.
ENDS = {"ASSIGNED", "CANCELLED", "REJECTED"}


def answers(events: Iterable[AllocationEvent]) -> dict[str, set[tuple[str, str | None]]]:
    """By request, the distinct answers: repeats of one are one."""
    found: dict[str, set[tuple[str, str | None]]] = defaultdict(set)
    for event in events:
        if event.kind in ENDS and event.request_id is not None:
            found[event.request_id].add((event.event_id, event.instance_id))
    return dict(found)


def leases_overlap(events: Iterable[AllocationEvent]) -> list[AllocationEvent]:
    """The assignments of an instance that somebody held."""
    holder: dict[str, str] = {}
    seen: set[str] = set()
    bad = []
    for event in events:
        if event.event_id in seen or event.instance_id is None:
            continue
        seen.add(event.event_id)
        if event.kind == "ASSIGNED":
            if event.instance_id in holder:
                bad.append(event)
            holder[event.instance_id] = str(event.request_id)
        elif event.kind in {"RELEASED", "FAILED"} and event.request_id is not None:
            holder.pop(event.instance_id, None)
    return bad


def booked(deployment: Deployment) -> set[str]:
    """The instances that reserve.state knows of."""
    settings, codec = deployment.settings, deployment.codec
    state: dict[str, dict[str, bytes]] = defaultdict(dict)
    for message in read_all(settings.bootstrap_servers, settings.topic(RESERVE_STATE.name)):
        key = message.key().decode()
        of = state[key.partition("/")[0]]
        if message.value() is None:
            of.pop(key, None)
        else:
            of[key] = codec.decode(RESERVE_STATE, message.value(), ReserveState).body
    ledgers = [PoolLedger.restore(pool, 10**6, 0, kept) for pool, kept in state.items()]
    found = {i.instance_id for ledger in ledgers for i in ledger.instances.values()}
    return {name for name in found if name is not None}


def in_the_cloud(settings: Settings) -> set[str]:
    """The instances that the simulated cloud has."""
    return {name for name, _, _, gone_ms in _machines(settings) if gone_ms is None}


def most_at_once(settings: Settings) -> dict[str, int]:
    """By pool, the most instances that the simulated cloud had at any time."""
    changes: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for _, pool, created_ms, gone_ms in _machines(settings):
        changes[pool].append((created_ms, 1))
        if gone_ms is not None:
            changes[pool].append((gone_ms, -1))
    most = {}
    for pool, moved in changes.items():
        count = most[pool] = 0
        for _, change in sorted(moved):
            count += change
            most[pool] = max(most[pool], count)
    return most


def _machines(settings: Settings) -> list[tuple[str, str, int, int | None]]:
    found = []
    for file in settings.state_dir.glob(f"{settings.topic_prefix}cloud-*.sqlite"):
        with sqlite3.connect(file, timeout=60) as db:
            found += db.execute(
                "select instance_id, pool, created_ms, gone_ms from machines"
            ).fetchall()
    return found
