"""Changelogs as this release writes them, kept as files that later releases must read.

`python -m tests.testkit.golden` adds tests/golden/states-N.json for the versions as they are now. A
file that is there is never written again: it is what some deployment has on its broker.
"""

import asyncio
import base64
from pathlib import Path
from typing import Any

import msgspec

from schemas.records import ActivityBatch
from schemas.topics import TELEMETRY_ACTIVITY
from streams.pipeline.user import VERSION
from tests.testkit.crashing import Broker, Worker, heartbeats
from tests.testkit.office import activities, log_of, played
from tests.testkit.offline import Message

FOLDER = Path(__file__).parents[1] / "golden"
SEED, EVENTS, FIRST = 20261125, 90, 60
LIVES_ON = 10**9


class Golden(msgspec.Struct):
    """What was on the broker when the release stopped, and what came afterwards.

    Parameters
    ----------
    user_version
        Of the users' states.
    activity
        All messages of activity in their order; the states have those before `first` in them.
    committed
        By topic, the committed offset.
    changelogs
        By changelog, keys and values in base64.
    others
        By name, the body of one state of each other stage.
    """

    user_version: int
    first: int
    activity: list[tuple[int, ActivityBatch]]
    committed: dict[str, int]
    changelogs: dict[str, list[tuple[str, str]]]
    others: dict[str, str]

    def messages(self) -> tuple[list[Message], list[Message]]:
        """Activity, and a heartbeat after each."""
        activity = [Message(0, n, at, batch) for n, (at, batch) in enumerate(self.activity)]
        return activity, heartbeats(activity)

    def broker(self) -> Broker:
        """A broker that has what the release left."""
        broker = Broker()
        for name, records in self.changelogs.items():
            broker.changelogs[name] = [(_bytes(key), _bytes(value)) for key, value in records]
        broker.committed.update(self.committed)
        return broker

    def other(self, name: str) -> bytes:
        """Return the body of another stage's state."""
        return _bytes(self.others[name])


def read(version: int) -> Golden:
    """Return the states of a version."""
    return msgspec.json.decode((FOLDER / f"states-{version}.json").read_bytes(), type=Golden)


def worked(broker: Broker, messages: list[Message]) -> None:
    """Work on messages in one process that stops in order."""

    async def live() -> None:
        worker = Worker(broker, LIVES_ON)
        for message in messages:
            await worker.work(message)
        await worker.commit()

    asyncio.run(live())


def recorded() -> Golden:
    """Return what this release would leave."""
    log = log_of(activities(SEED, EVENTS, users=4), 1)
    activity = [m for m in log if isinstance(m.value, ActivityBatch)]
    ticks, broker = heartbeats(activity), Broker()
    worked(broker, in_turn(activity[:FIRST], ticks[:FIRST]))
    newest: dict[str, dict[bytes, bytes | None]] = {
        name: dict(records) for name, records in broker.changelogs.items()
    }
    return Golden(
        VERSION, broker.committed[TELEMETRY_ACTIVITY.name],
        [(m.appended_ms, m.value) for m in activity], dict(broker.committed),
        {n: [(_text(k), _text(v)) for k, v in of.items()] for n, of in newest.items()},
        {name: _text(body) for name, body in other_states(log).items()},
    )  # fmt: skip


def other_states(log: list[Message]) -> dict[str, bytes]:
    """One state of each other stage, after the whole log."""
    offline = played(log, 1)
    pool = next(name for name in sorted(offline.pools))
    return {
        "population": offline.population.to_bytes(), "total": offline.total.state.to_bytes(),
        "desk": offline.desk.to_bytes(), "pool": offline.pools[pool].save(),
    }  # fmt: skip


def in_turn(activity: list[Message], ticks: list[Message]) -> list[Message]:
    """Each message with its heartbeat after it."""
    return [message for pair in zip(activity, ticks, strict=True) for message in pair]


def _text(data: Any) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / f"states-{VERSION}.json").open("xb") as out:
        out.write(msgspec.json.format(msgspec.json.encode(recorded()), indent=1))
