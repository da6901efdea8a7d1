"""A worker whose fold raises once, at one message: as Faust has it, and guarded as ours is.

`python -m tests.testkit.raising_app naive|guarded BOOTSTRAP TOPIC SEEN MARK`: every message that
is worked on is a line in SEEN; MARK is made when the exception was thrown, so that a restarted
process does not throw again.
"""

import sys
from pathlib import Path
from typing import Any

import faust

from schemas.settings import Settings
from streams.runtime.app import make_app
from streams.runtime.guard import PoisonError, guarded
from streams.runtime.settlement import Settlement

RAISES_AT = b"7"


def work_on(value: bytes, seen: Path, mark: Path) -> None:
    if value == RAISES_AT and not mark.exists():
        mark.touch()
        raise RuntimeError("a bug in the fold")
    with seen.open("ab") as out:
        out.write(value + b"\n")


def group_of(topic: str, style: str) -> str:
    """The name of the app's consumer group."""
    return Settings().topic(f"warmfront-{topic}-{style}")


def main() -> None:
    style, bootstrap, topic, seen, mark = sys.argv[1:]
    settings = Settings(bootstrap_servers=bootstrap, state_dir=Path(seen).parent)
    app = make_app(settings, Settlement(), f"{topic}-{style}")
    source = app.topic(
        topic, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
    )

    async def step(event: Any) -> None:
        work_on(event.value, Path(seen), Path(mark))

    async def bury(event: Any, error: PoisonError) -> None:
        raise AssertionError("nothing is poison here")

    if style == "naive":

        @app.agent(source)
        async def naive(stream: Any) -> None:
            async for event in stream.events():
                await step(event)

    else:

        @app.agent(source)
        async def ours(stream: Any) -> None:
            async for event in stream.events():
                await guarded(event, step, bury)

    faust.Worker(app, loglevel="CRITICAL", redirect_stdouts=False).execute_from_commandline()


if __name__ == "__main__":
    main()
