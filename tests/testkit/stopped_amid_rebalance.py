"""A worker whose group rebalances between being told to stop and its last commit.

`python -m tests.testkit.stopped_amid_rebalance BOOTSTRAP TOPIC FOLDER MESSAGES`: the commit is held
until both halves of the rebalance have come, and its connection to the coordinator is lost by then.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

from schemas.settings import Settings
from streams.runtime.app import make_app
from streams.runtime.settlement import Settlement

HALVES = 2  # partitions are revoked, and assigned
NEVER_S = 3600.0


class Held(Settlement):
    """Settles only when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.let = asyncio.Event(), asyncio.Event()

    async def settle(self) -> None:
        self.begun.set()
        await self.let.wait()


def group_of(topic: str) -> str:
    """The name of the app's consumer group."""
    return Settings().topic(f"warmfront-{topic}")


def halves_that_came(app: Any) -> asyncio.Semaphore:
    """Let each half of a rebalance that comes to a stopping app be waited for."""
    came, told = asyncio.Semaphore(0), app._on_rebalance_when_stopped

    def tell() -> None:
        told()
        came.release()

    app._on_rebalance_when_stopped = tell
    return came


async def stop_amid_rebalance(app: Any, held: Held) -> None:
    came = halves_that_came(app)
    stopping = asyncio.ensure_future(app.stop())
    await held.begun.wait()
    thread = app.consumer._thread
    coordinator = thread._consumer._coordinator
    thread.thread_loop.call_soon_threadsafe(coordinator.request_rejoin)
    for _ in range(HALVES):
        await came.acquire()
    # What aiokafka does where a request to the coordinator is broken off.
    asyncio.run_coroutine_threadsafe(_lose(coordinator), thread.thread_loop)
    held.let.set()
    await stopping


async def _lose(coordinator: Any) -> None:
    coordinator.coordinator_dead()


async def main() -> None:
    bootstrap, topic, folder, messages = sys.argv[1:]
    settings = Settings(bootstrap_servers=bootstrap, state_dir=Path(folder))
    held, all_seen, seen = Held(), asyncio.Event(), []
    app = make_app(settings, held, topic)
    app.conf.broker_commit_interval = NEVER_S
    source = app.topic(
        topic, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
    )

    @app.agent(source)  # type: ignore[untyped-decorator]
    async def see(stream: Any) -> None:
        async for event in stream.events():
            seen.append(event.value)
            if len(seen) == int(messages):
                all_seen.set()

    app.finalize()
    await app.start()
    await all_seen.wait()
    await asyncio.sleep(0)  # the last one is acked when the agent asks for another
    await stop_amid_rebalance(app, held)


if __name__ == "__main__":
    asyncio.run(main())
