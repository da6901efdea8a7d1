"""A topic that was just made, or whose broker has just gone, has no leader for a moment: whoever
asks where it begins and ends asks again."""

from collections.abc import Callable
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from streams.runtime import leaders
from streams.runtime.leaders import await_leaders, settled, watermarks

LEADERLESS = (KafkaError.LEADER_NOT_AVAILABLE, KafkaError.NOT_LEADER_FOR_PARTITION)
PLACE = TopicPartition("t", 0)


def failing(*codes: int) -> Callable[[], str]:
    """Something that fails with each of these, and then answers."""
    left = list(codes)

    def ask() -> str:
        if left:
            raise KafkaException(KafkaError(left.pop(0)))
        return "answer"

    return ask


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaders, "PAUSE_S", 0.0)


@pytest.mark.parametrize(
    "code",
    [
        *LEADERLESS, KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.FENCED_LEADER_EPOCH, KafkaError.OFFSET_NOT_AVAILABLE,
    ],
)  # fmt: skip
def test_it_is_asked_again_while_there_is_no_leader(code: int) -> None:
    assert settled(failing(code, code, code)) == "answer"


def test_another_error_is_told_at_once() -> None:
    ask = failing(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    with pytest.raises(KafkaException, match=r"(?i)authorization"):
        settled(ask)
    assert ask() == "answer", "it was asked once"


def test_patience_ends() -> None:
    with pytest.raises(KafkaException, match=r"(?i)leader"):
        settled(failing(*LEADERLESS), patience_s={})


def test_watermarks_wait_for_a_leader() -> None:
    ask = failing(*LEADERLESS)

    class Electing:
        def get_watermark_offsets(self, place: TopicPartition, timeout: float) -> tuple[int, int]:
            assert (place, timeout) == (PLACE, 5.0)
            ask()
            return 3, 8

    assert watermarks(Electing(), PLACE, 5.0) == (3, 8)


class Admin:
    """A cluster that knows of a topic after two questions, and has its leaders after two more."""

    def __init__(self) -> None:
        self.left = [*LEADERLESS]
        self.unknown = 2
        self.asked: list[dict[TopicPartition, Any]] = []

    def list_topics(self, timeout: float) -> Any:
        assert timeout == 60.0
        self.unknown -= 1
        known = {"new": SimpleNamespace(partitions=[0, 1])} if self.unknown < 0 else {}
        return SimpleNamespace(topics={"old": SimpleNamespace(partitions=[0]), **known})

    def list_offsets(self, asked: Any, request_timeout: float) -> Any:
        assert request_timeout == 60.0
        self.asked.append(asked)
        answers: dict[TopicPartition, Future[int]] = {}
        for place in asked:
            answers[place] = Future()
            answers[place].set_result(0)
        if self.left:
            answers[TopicPartition("new", 1)] = Future()
            error = KafkaException(KafkaError(self.left.pop(0)))
            answers[TopicPartition("new", 1)].set_exception(error)
        return answers


def test_new_topics_are_waited_for_until_each_partition_has_a_leader() -> None:
    admin = Admin()
    await_leaders(admin, ["new"], 60.0)
    assert [set(asked) for asked in admin.asked] == [
        {TopicPartition("new", 0), TopicPartition("new", 1)}
    ] * 3, "twice without a leader, once with"
