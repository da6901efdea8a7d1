"""Keeps every exception inside an agent's body.

Faust acks an event when its body ends, by an exception too: the event would be lost for ever. So a
message that can't be used goes to the dead letters, and anything else ends the process before the
ack: whoever supervises restarts it, and the event comes again.
"""

import asyncio
import os
import traceback
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog

from schemas.names import MAX_NAME_CHARS
from streams.pipeline.eventtime import is_future
from streams.runtime.begun import Begun

EXIT_FATAL = 70
# A step that is under way when the worker stops is let end; one that can't is left to redelivery.
STEP_DEADLINE_S = 15.0

log = structlog.get_logger()


class PoisonError(ValueError):
    """A message that can never be used; the text says why and holds nothing of it."""


def refuse_future(latest_ms: int, message: Any) -> None:
    """Raise PoisonError where something is told of a time that the broker's clock has not reached.

    Each hour up to it would be closed, one after the other, and all that is true come too late.
    """
    if is_future(latest_ms, round(message.timestamp * 1000)):
        raise PoisonError("told of a time that has not come")


def refuse_partition(number: int, partitions: int) -> None:
    """Raise PoisonError for a partition of telemetry that there is not."""
    if not 0 <= number < partitions:
        raise PoisonError(f"no partition {number} of telemetry")


def refuse_long(*names: str) -> None:
    """Raise PoisonError where a name is longer than producers send one."""
    if max(map(len, names)) > MAX_NAME_CHARS:
        raise PoisonError(f"a name of over {MAX_NAME_CHARS} characters")


def end_process(reason: str, **details: Any) -> None:
    """Log and end the process at once, so that nothing more is acked or written.

    It ends where nothing can be logged either, as on a full disk: to go on would ack the event.
    """
    try:
        log.critical(reason, **details)
    finally:
        os._exit(EXIT_FATAL)


async def guarded(
    event: Any,
    step: Callable[[Any], Coroutine[Any, Any, None]],
    bury: Callable[[Any, PoisonError], Awaitable[None]],
    fatal: Callable[..., None] = end_process,
) -> None:
    """Run one event's step so that it is either done, a dead letter, or not acked.

    Parameters
    ----------
    event
        The Faust event.
    step
        Applies it.
    bury
        Sends it to the dead letters and returns once it is durable there.
    fatal
        Ends the process; an argument so that tests can see it called.
    """
    begun = Begun(_run(event, step, bury, fatal))
    if begun.is_through:
        return  # Faust lets all else have its turn before the next
    task = asyncio.ensure_future(begun.rest())
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        # The generator acks when it is closed: the step must be whole by then.
        _, pending = await asyncio.wait([task], timeout=STEP_DEADLINE_S)
        if pending:
            fatal("step did not end before the worker's stop", offset=event.message.offset)
        raise


async def _run(
    event: Any,
    step: Callable[[Any], Coroutine[Any, Any, None]],
    bury: Callable[[Any, PoisonError], Awaitable[None]],
    fatal: Callable[..., None],
) -> None:
    message = event.message
    where = {"topic": message.topic, "partition": message.partition, "offset": message.offset}
    try:
        try:
            await step(event)
        except PoisonError as error:
            log.warning("dead letter", reason=str(error), **where)
            await bury(event, error)
    except BaseException as error:  # noqa: BLE001 - nothing may leave: see the module's docstring
        frames = traceback.extract_tb(error.__traceback__)
        at = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
        fatal("step failed", error=type(error).__name__, text=str(error)[:300], at=at, **where)
