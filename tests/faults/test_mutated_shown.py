"""Thousands of messages that somebody has tampered with, on the topics that the page shows: each is
shown or passed over, and every view of the page is still one that a browser can read."""

import random
import time
from collections import Counter
from collections.abc import Sequence

import msgspec
import pytest
from starlette.testclient import TestClient

from schemas.codec import Codec, MemoryIds
from schemas.records import AllocationEvent
from schemas.settings import Settings
from schemas.topics import ALLOCATION_EVENTS, Topic
from streams.dashboard.feed import FOLLOWED, Feed
from streams.dashboard.server import make_server
from tests.testkit import allocator_records, stages
from tests.testkit.hostile import hostile
from tests.testkit.office import START_MS
from tests.testkit.pipeline import environment_number
from tests.testkit.under_fire import SEED, write_report

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]

MESSAGES = environment_number("WARMFRONT_MUTATIONS", 10_000) // 4
EVERY = 100  # messages between two looks at all views
VIEWS = (
    "summary", "health", "pools", "pool-names", "users", "alerts", "shadow", "decisions",
    "pool?pool=build", "forecast?pool=build&resource=INSTANCES&horizon=HOUR",
    "forecast?pool=default&resource=CPU&horizon=DAY", "profile?user=user1", "flow?user=user1",
    "explain?id=event/r1/ASSIGNED",
)  # fmt: skip
ASSIGNED = AllocationEvent(
    event_id="r1/ASSIGNED", kind="ASSIGNED", pool="build", time=START_MS, reason="the oldest",
    request_id="r1", user="user1", program="tests",
)  # fmt: skip


def good_records() -> dict[Topic, list[tuple[str, msgspec.Struct]]]:
    found = {**stages.good_records(SEED), **allocator_records.good_records(SEED)}
    found[ALLOCATION_EVENTS] = [("build", ASSIGNED)]
    return {topic: records for topic, records in found.items() if topic in FOLLOWED and records}


def told(
    feed: Feed, codec: Codec, good: dict[Topic, list[tuple[str, msgspec.Struct]]],
    places: Sequence[int],
) -> None:  # fmt: skip
    """Show good records, those at some places of their topics."""
    for topic, records in good.items():
        for _, record in [records[place] for place in places if place < len(records)]:
            feed.take(codec.decode(topic, codec.encode(topic, record), topic.record))


def looked_at(page: TestClient) -> int:
    """Look at all views; how many had something to show."""
    codes = Counter[int]()
    for view in VIEWS:
        answer = page.get(f"/api/{view}")
        codes[answer.status_code] += 1
        answer.json()
    assert set(codes) <= {200, 404}
    return codes[200]


def test_no_message_breaks_a_page() -> None:
    chance, codec, good = random.Random(SEED), Codec(MemoryIds()), good_records()
    feed, sent, shown = Feed(Settings(user_partitions=1), codec), Counter[str](), 0
    most = 0
    told(feed, codec, good, range(len(max(good.values(), key=len))))
    with TestClient(make_server(feed)) as page:
        for number in range(MESSAGES):
            topic = chance.choice(list(good))
            value = hostile(codec, topic, chance.choice(good[topic])[1], chance)
            sent[topic.name] += 1
            try:
                feed.take(codec.decode(topic, value, topic.record))
                shown += 1
            except ValueError:
                pass
            if number % EVERY == EVERY - 1:
                most = max(most, looked_at(page))
        began_s = time.monotonic()
        told(feed, codec, good, [-1])
        assert looked_at(page) > 0
        recovered_s = time.monotonic() - began_s
    write_report(
        "mutated-shown", seed=SEED, strikes=sum(sent.values()), sent=dict(sent), shown=shown,
        recovered_s=[recovered_s],
    )  # fmt: skip
    assert len(sent) >= 8
    assert 0 < shown < sum(sent.values())
    assert most == len(VIEWS), "each view had something to show"
