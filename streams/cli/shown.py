"""Reads records for commands that show them, with errors that a person can act on."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
import typer

from schemas.codec import Codec, UndecodableError
from schemas.registry import RegistryIds, RegistryUnavailableError
from schemas.settings import Settings
from schemas.topics import Topic
from streams.collect.pseudonym import Pseudonyms
from streams.runtime.terminal import Terminal
from streams.runtime.topic_reader import TopicUnreadableError, read_on, read_to_end

R = TypeVar("R", bound=msgspec.Struct)
UNAVAILABLE = 1
NOT_FOUND = 3


def when(time_ms: int, form: str = "%Y-%m-%d %H:%M") -> str:
    """Return a time in UTC; one that no calendar has, as the number that it is.

    Examples
    --------
    >>> when(60_000), when(2**62)
    ('1970-01-01 00:01', '4611686018427387904')
    """
    try:
        return datetime.fromtimestamp(time_ms / 1000, UTC).strftime(form)
    except (ValueError, OverflowError):
        return str(time_ms)


def records(topic: Topic, kind: type[R], way_back: int | None = None) -> Iterator[R]:
    """Give a topic's records; ends the command with code 1 where there is no topic or broker."""
    for _, record in keyed(topic, kind, way_back):
        if record is not None:
            yield record


def keyed(
    topic: Topic, kind: type[R], way_back: int | None = None
) -> Iterator[tuple[str, R | None]]:
    """Give a topic's keys and records, None for what was taken back; ends as `records` does.

    What can't be read is told on stderr and left out: one broken message must not hide a topic for
    as long as Kafka keeps it.
    """
    settings = Settings()
    codec = Codec(RegistryIds.of(settings), settings.topic_prefix)
    try:
        for message in read_to_end(settings, topic.name, way_back):
            if message.value() is None:
                yield _key(message), None
            elif (record := _readable(codec, topic, kind, message)) is not None:
                yield _key(message), record
    except (TopicUnreadableError, RegistryUnavailableError) as error:
        fail(str(error), UNAVAILABLE)


def coming(topic: Topic, kind: type[R]) -> Iterator[R]:
    """Give a topic's records as they come; ends the command with code 1 as `records` does."""
    settings = Settings()
    codec = Codec(RegistryIds.of(settings), settings.topic_prefix)
    try:
        for message in read_on(settings, topic.name):
            if (record := _readable(codec, topic, kind, message)) is not None:
                yield record
    except (TopicUnreadableError, RegistryUnavailableError) as error:
        fail(str(error), UNAVAILABLE)


def _key(message: Any) -> str:
    return bytes(message.key() or b"").decode("utf-8", "replace")


def _readable(codec: Codec, topic: Topic, kind: type[R], message: Any) -> R | None:
    """Return a message's record; None, and a word on stderr, where it is none."""
    try:
        return codec.decode(topic, message.value(), kind)
    except UndecodableError as error:
        where = f"{topic.name} {message.partition()}/{message.offset()}"
        Terminal(stderr=True).print(f"left out {where}: {error}", highlight=False)
        return None


def user_id(settings: Settings, user: str) -> str:
    """Return a user's id on the topics: the pseudonym, if the deployment has a key for them."""
    if settings.pseudonym_key is None:
        return user
    return Pseudonyms.from_settings(settings).user(user)


def fail(message: str, code: int) -> None:
    """End the command with a message on stderr."""
    Terminal(stderr=True).error(message)
    raise typer.Exit(code)


def plain(record: msgspec.Struct) -> dict[str, Any]:
    """Return a record as JSON has it."""
    builtins: dict[str, Any] = msgspec.to_builtins(record)
    return builtins
