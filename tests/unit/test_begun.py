"""What is through without waiting costs no task; what waits goes on in one as if in it from the
start."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest

from streams.runtime.app import _Consumer
from streams.runtime.begun import Begun


async def told(heard: list[str], waiting: Awaitable[Any] | None = None) -> str:
    """Say what happens to it: begun, got what it waited for, cancelled."""
    heard.append("begun")
    if waiting is not None:
        try:
            heard.append(await waiting)
        except asyncio.CancelledError:
            heard.append("cancelled")
            raise
    return "result"


def test_it_runs_at_once_up_to_where_it_waits() -> None:
    async def scenario() -> None:
        heard: list[str] = []
        begun = Begun(told(heard, asyncio.sleep(0, "slept")))
        assert heard == ["begun"]
        assert not begun.is_through
        assert await asyncio.ensure_future(begun.rest()) == "result"
        assert heard == ["begun", "slept"]

    asyncio.run(scenario())


def test_it_goes_on_when_a_lock_a_queue_or_a_timer_lets_it() -> None:
    async def scenario() -> None:
        lock, queue = asyncio.Lock(), asyncio.Queue[str]()
        await lock.acquire()

        async def waits() -> str:
            async with lock:
                got = await queue.get()
            await asyncio.sleep(0.001)
            return got

        task = asyncio.ensure_future(Begun(waits()).rest())
        await asyncio.sleep(0)
        lock.release()
        queue.put_nowait("what came")
        assert await task == "what came"
        assert not lock.locked()

    asyncio.run(scenario())


def test_an_error_comes_out_where_it_arises() -> None:
    async def fails(waits: float | None) -> None:
        if waits is not None:
            await asyncio.sleep(waits)
        raise ValueError("no")

    async def scenario() -> None:
        with pytest.raises(ValueError, match="no"):
            Begun(fails(None))
        begun = Begun(fails(0))
        with pytest.raises(ValueError, match="no"):
            await begun.rest()

    asyncio.run(scenario())


def test_a_cancellation_reaches_it() -> None:
    async def scenario() -> None:
        heard: list[str] = []
        task = asyncio.ensure_future(Begun(told(heard, asyncio.Event().wait())).rest())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert heard == ["begun", "cancelled"]

    asyncio.run(scenario())


def consumer(*, is_stopping: bool = False) -> Any:
    """A consumer with what a wait asks of it."""
    made = object.__new__(_Consumer)
    made._stopped, made._crashed = asyncio.Event(), asyncio.Event()
    if is_stopping:
        made._stopped.set()
    made.loop = asyncio.get_running_loop()
    return made


def test_a_message_that_an_agent_can_take_is_handed_on_without_a_task() -> None:
    async def scenario() -> None:
        heard: list[str] = []
        before = len(asyncio.all_tasks())
        suspended = asyncio.Event().wait()
        waiting = consumer().wait_first(told(heard), suspended)
        with pytest.raises(StopIteration) as end:
            waiting.send(None)
        assert (end.value.value.results, end.value.value.stopped) == (["result"], False)
        assert len(asyncio.all_tasks()) == before
        assert suspended.cr_frame is None, "closed: nobody waits for it any more"

    asyncio.run(scenario())


def test_a_message_that_no_agent_can_take_waits_until_flow_is_suspended() -> None:
    async def scenario() -> None:
        heard: list[str] = []
        suspended = asyncio.Event()
        waits = told(heard, asyncio.Event().wait())
        waiting = asyncio.ensure_future(consumer().wait_first(waits, suspended.wait()))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        suspended.set()
        assert not (await waiting).stopped
        await asyncio.sleep(0)
        assert heard == ["begun", "cancelled"]

    asyncio.run(scenario())


def test_a_consumer_that_stops_takes_no_message() -> None:
    async def scenario() -> None:
        result = await consumer(is_stopping=True).wait_first(told([]), asyncio.Event().wait())
        assert result.stopped

    asyncio.run(scenario())
