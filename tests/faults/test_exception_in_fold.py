"""An exception in a fold: as Faust ships, its event is lost for ever; guarded, it comes again."""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from infra.local import spawn
from tests.testkit.pipeline import REPOSITORY, TOLD_CHARS, Waited, wait_for
from tests.testkit.raising_app import group_of

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]

MESSAGES = 20
STOP_S = 60.0


def filled_topic(bootstrap: str, name: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(name, 1)])[name].result(60)
    send(bootstrap, name, range(MESSAGES))


def send(bootstrap: str, topic: str, what: Iterable[int]) -> None:
    producer = Producer({"bootstrap.servers": bootstrap})
    for number in what:
        producer.produce(topic, key=b"k", value=str(number).encode())
    assert producer.flush(120) == 0


def acked(bootstrap: str, topic: str, style: str) -> int:
    """How many messages the group has committed that it needs no more."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group_of(topic, style)})
    try:
        return consumer.committed([TopicPartition(topic, 0)], timeout=60)[0].offset
    finally:
        consumer.close()


def numbers(seen: Path) -> set[int]:
    return {int(line) for line in seen.read_text().split()} if seen.exists() else set()


@pytest.mark.parametrize(("style", "lost"), [("naive", {7}), ("guarded", set())])
def test_exception(
    kafka_bootstrap: str, topic_prefix: str, tmp_path: Path, style: str, lost: set[int]
) -> None:
    topic = f"{topic_prefix}raising"
    seen, mark = tmp_path / "seen", tmp_path / "raised"
    filled_topic(kafka_bootstrap, topic)
    module = ("-m", "tests.testkit.raising_app")
    command = [sys.executable, *module, style, kafka_bootstrap, topic, str(seen), str(mark)]
    everything = set(range(MESSAGES))
    workers: list[spawn.Process] = []

    log = tmp_path / "log"

    def start() -> None:
        with log.open("ab") as output:
            workers.append(spawn.spawn(command, output=output, cwd=REPOSITORY))

    def wait_until(condition: Callable[[], bool], what: str) -> None:
        said = lambda: f"seen {sorted(numbers(seen))}\n{log.read_text()[-TOLD_CHARS:]}"  # noqa: E731
        wait_for(condition, Waited(what, said))

    def restarted_and_has(wanted: set[int]) -> bool:
        if workers[-1].poll() is not None:
            start()
        return numbers(seen) >= wanted

    start()
    try:
        wait_until(lambda: restarted_and_has(everything - lost), "all messages but the lost")
        wait_until(
            lambda: (
                restarted_and_has(everything - lost)
                and acked(kafka_bootstrap, topic, style) == MESSAGES
            ),
            "a commit of them all",
        )
        spawn.stop(workers[-1], STOP_S)
        # Once more from what was committed, and on to one that is new: what is missing by then
        # never comes back.
        send(kafka_bootstrap, topic, [MESSAGES])
        start()
        wait_until(lambda: restarted_and_has({MESSAGES}), "the new message")
    finally:
        for worker in workers:
            spawn.kill(worker)
    assert mark.exists(), "a fault test that injects no fault proves nothing"
    assert everything - numbers(seen) == lost
