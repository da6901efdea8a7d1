"""What is put before an agent at once, and what Faust has to see to."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types.tuples import TP
from mode.utils.queues import FlowControlEvent, ThrowableQueue

from streams.runtime.hand_on import put_at_once

SOURCE, CHANGELOG = TP("source", 0), TP("changelog", 0)
ROOM = 10


class Message(SimpleNamespace):
    """As much of Faust's as is looked at."""

    def incref(self, n: int) -> None:
        self.refcount += n


def message(tp: TP = SOURCE, value: bytes | None = b"v") -> Any:
    return Message(tp=tp, topic=tp.topic, key=b"k", value=value, headers=(), refcount=0)


@pytest.fixture
def app() -> Any:
    """An app with one agent's queue, which flows."""
    flow = FlowControlEvent()
    flow.resume()
    channel = SimpleNamespace(queue=ThrowableQueue(ROOM, flow_control=flow))
    pressed: list[str] = []
    handler = SimpleNamespace(
        channels=[channel], pressed=pressed,
        on_pressure_high=lambda: pressed.append("high"),
        on_pressure_drop=lambda: pressed.append("drop"),
    )  # fmt: skip
    topics = SimpleNamespace(
        _tp_to_callback={SOURCE: handler, CHANGELOG: handler},
        _tp_to_callback_lock=asyncio.Lock(),
        acks_enabled_for=lambda topic: topic == SOURCE.topic,
    )
    return SimpleNamespace(topics=topics, flow_control=flow, queue=channel.queue, pressed=pressed)


def test_a_message_of_a_source_is_put_before_its_agent(app: Any) -> None:
    first = message()
    assert put_at_once(app, first)
    event = app.queue.get_nowait()
    assert (event.message, event.key, event.value, first.refcount) == (first, b"k", b"v", 1)


def test_a_full_queue_takes_no_more_and_stops_the_fetching_before(app: Any) -> None:
    assert [put_at_once(app, message()) for _ in range(ROOM + 1)] == [True] * ROOM + [False]
    assert app.pressed == ["high"]
    for _ in range(ROOM - 1):
        app.queue.get_nowait()
    assert app.pressed == ["high", "drop"]


@pytest.mark.parametrize("other", [message(CHANGELOG), message(value=None), message(TP("new", 0))])
def test_faust_sees_to_what_is_no_plain_message_of_a_source(app: Any, other: Any) -> None:
    assert not put_at_once(app, other)
    assert (app.queue.empty(), other.refcount) == (True, 0)


def test_nothing_is_put_there_while_partitions_are_given_up(app: Any) -> None:
    app.flow_control.suspend()
    assert not put_at_once(app, message())


def test_nothing_is_put_there_while_the_topics_change(app: Any) -> None:
    async def change() -> None:
        async with app.topics._tp_to_callback_lock:
            assert not put_at_once(app, message())
        assert put_at_once(app, message())

    asyncio.run(change())
