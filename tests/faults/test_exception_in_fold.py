"""An exception in a fold: as Faust ships, its event is lost for ever; guarded, it comes again."""

import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from infra.local import spawn
from tests.testkit.pipeline import REPOSITORY, wait_for

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

MESSAGES = 20


def filled_topic(bootstrap: str, name: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(name, 1)])[name].result(30)
    producer = Producer({"bootstrap.servers": bootstrap})
    for number in range(MESSAGES):
        producer.produce(name, key=b"k", value=str(number).encode())
    assert producer.flush(30) == 0


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
    workers = []

    def restarted_and_done() -> bool:
        if not workers or workers[-1].poll() is not None:
            with (tmp_path / "log").open("ab") as log:
                workers.append(spawn.spawn(command, output=log, cwd=REPOSITORY))
        return numbers(seen) >= everything - lost

    wait_for(restarted_and_done, "all messages but the lost", 120)
    spawn.stop(workers[-1], 15)
    # Once more from what was committed: what is missing now never comes back.
    workers.append(spawn.spawn(command, output=(tmp_path / "log").open("ab"), cwd=REPOSITORY))
    with pytest.raises(AssertionError) if lost else nullcontext():
        wait_for(lambda: numbers(seen) == everything, "the lost message", 15)
    spawn.kill(workers[-1])
    assert mark.exists(), "a fault test that injects no fault proves nothing"
    assert everything - numbers(seen) == lost
