"""Thousands of messages that somebody has tampered with, on every topic that the allocator reads:
each is worked on, passed over or buried, no allocator ends, no pool outgrows its cap, and who asks
after all that is served."""

import random
import time
from collections import Counter

import pytest

from schemas.records import AllocationRequest
from schemas.topics import ALLOCATION_REQUESTS, FORECASTS_DEMAND
from tests.testkit.allocator_inbox import CAP, POOLS, Inbox
from tests.testkit.allocator_records import good_records
from tests.testkit.hostile import hostile
from tests.testkit.office import START_MS
from tests.testkit.pipeline import environment_number, wait_for
from tests.testkit.under_fire import SEED, write_report

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]

MESSAGES = environment_number("WARMFRONT_MUTATIONS", 10_000)
EVERY = 500  # messages between two restarts
SHARES = {ALLOCATION_REQUESTS: 3, FORECASTS_DEMAND: 2}  # to the others' one: these have a position


def test_no_message_ends_an_allocator_or_breaks_a_cap() -> None:
    chance, good, sent = random.Random(SEED), good_records(SEED), Counter[str]()
    inbox = Inbox(START_MS)
    topics = [topic for topic in good for _ in range(SHARES.get(topic, 1))]
    for number in range(MESSAGES):
        topic = chance.choice(topics)
        key, record = chance.choice(good[topic])
        value = hostile(inbox.codec, topic, record, chance)
        inbox.take(topic, value, key.encode())
        sent[topic.name] += 1
        if number % 10 == 0:
            inbox.pass_time(chance.choice((100, 1_000, 60_000)))
            assert all(len(p.ledger.instances) <= CAP for p in inbox.owner.pools.values())
        if number % EVERY == EVERY - 1:
            inbox.stop()
            inbox.start()
    answered, recovered_s = served(inbox)
    inbox.stop()
    write_report(
        "mutated-requests", seed=SEED, strikes=sum(sent.values()), sent=dict(sent),
        buried=inbox.letters, recovered_s=[recovered_s],
    )  # fmt: skip
    assert len(sent) == 6
    assert 0 < inbox.letters < sent[ALLOCATION_REQUESTS.name] + sent[FORECASTS_DEMAND.name]
    assert answered == len(POOLS)


def served(inbox: Inbox) -> tuple[int, float]:
    """Good requests after all that, once others' are given back; how many were served, how soon."""
    began_s = time.monotonic()
    for pool, reconciler in inbox.owner.pools.items():
        for held in list(reconciler.ledger.leases):
            ask(inbox, pool, held, "RELEASE")
        ask(inbox, pool, f"after-{pool}", "REQUEST")

    def are_served() -> bool:
        inbox.pass_time(10_000)
        return len(assigned(inbox)) == len(POOLS)

    wait_for(are_served, "the neighbours' instances", 60)
    return len(assigned(inbox)), time.monotonic() - began_s


def ask(inbox: Inbox, pool: str, request_id: str, kind: str) -> None:
    request = AllocationRequest(
        request_id=request_id, kind=kind, user="neighbour", program="tests", pool=pool,
        time=inbox.now_ms, priority=9,
    )  # fmt: skip
    inbox.take(ALLOCATION_REQUESTS, inbox.codec.encode(ALLOCATION_REQUESTS, request))


def assigned(inbox: Inbox) -> set[str]:
    return {
        event.request_id for event in inbox.events
        if event.kind == "ASSIGNED" and (event.request_id or "").startswith("after-")
    }  # fmt: skip
