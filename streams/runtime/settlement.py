"""Makes everything durable, in order, before offsets are committed and before partitions go."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from typing import TypeVar

from streams.runtime.guard import end_process

# A worker that can't settle holds up the whole group's rebalance: better to end, and begin again.
DEADLINE_S = 30.0

M = TypeVar("M")


class Stage(ABC):
    """What an agent is made of, as far as its state goes.

    A subclass holds `_busy` while it applies a message, so that it never settles amid one.
    """

    def __init__(self) -> None:
        self._busy = asyncio.Lock()

    async def settle(self) -> None:
        """Make outputs durable, then the state that knows of them."""
        async with self._busy:
            await self._settle()

    async def give_up(self) -> None:
        """Settle and forget: another worker may go on from here."""
        async with self._busy:
            await self._settle()
            self._forget()

    @abstractmethod
    async def _settle(self) -> None:
        """Make outputs durable, then the state that knows of them."""

    @abstractmethod
    def _forget(self) -> None:
        """Drop what is kept in memory: the tables may hold something else after a rebalance."""


class Settlement:
    """All stages of a worker."""

    def __init__(self) -> None:
        self._stages: list[Stage] = []

    def add(self, stage: Stage) -> None:
        """Let a stage take part."""
        self._stages.append(stage)

    async def settle(self) -> None:
        """Make durable what all messages that were acked until now have led to."""
        for stage in self._stages:
            await _or_end(stage.settle(), "could not settle before a commit")

    async def give_up(self) -> None:
        """Settle and forget: partitions may belong to another worker from now on."""
        for stage in self._stages:
            await _or_end(stage.give_up(), "could not settle before giving partitions up")


async def beside(waiting: Coroutine[None, None, None], work: Callable[[], M]) -> M:
    """Return what work makes while something is waited for, once both are done."""
    task = asyncio.ensure_future(waiting)
    await asyncio.sleep(0)  # it begins before the work holds the loop
    made = work()
    await task
    return made


async def _or_end(settling: Coroutine[None, None, None], what: str) -> None:
    """Let it finish even when the commit that waits for it is cancelled: half is worth nothing."""
    task = asyncio.ensure_future(settling)
    try:
        await asyncio.wait_for(asyncio.shield(task), DEADLINE_S)
    except asyncio.CancelledError:
        _, pending = await asyncio.wait([task], timeout=DEADLINE_S)
        if pending or task.exception() is not None:
            end_process(what, error="stopped meanwhile")
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, offsets must not be committed
        end_process(what, error=repr(error)[:300])
