"""`warmfront dlq`: dead letters, and sending them again."""

import json
from typing import Annotated, Any

import typer
from confluent_kafka import Producer
from rich.table import Table

from schemas.connection import kafka_config
from schemas.settings import Settings
from schemas.topics import CONSUMED, Topic, dead_letters
from streams.cli.shown import NOT_FOUND, UNAVAILABLE, fail
from streams.runtime.terminal import Terminal
from streams.runtime.topic_reader import TopicUnreadableError, read_to_end

FLUSH_TIMEOUT_S = 30.0
As = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Position = Annotated[str, typer.Argument(help="TOPIC/OFFSET as `dlq list` shows it.")]


def list_command(*, as_json: As = False) -> None:
    """List dead letters of all topics: where they came from and why they could not be used."""
    rows = [_row(topic, message) for topic in CONSUMED for message in _letters(topic)]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    table = Table("letter", "from", "reason", "bytes")
    for row in rows:
        table.add_row(row["letter"], row["from"], row["reason"], str(row["bytes"]))
    Terminal().print(table)


def show_command(letter: Position, *, as_json: As = False) -> None:
    """Show one dead letter: its headers, and its bytes in hexadecimal."""
    topic, message = _find(letter)
    shown = _row(topic, message) | {
        "headers": _headers(message),
        "value": (message.value() or b"").hex(),
    }
    typer.echo(json.dumps(shown, indent=None if as_json else 2))


def replay_command(letter: Position) -> None:
    """Send one dead letter to its topic again, with its key; repeats of its events are skipped."""
    topic, message = _find(letter)
    settings = Settings()
    producer = Producer({**kafka_config(settings), "enable.idempotence": True})
    producer.produce(settings.topic(topic.name), key=message.key(), value=message.value())
    if producer.flush(FLUSH_TIMEOUT_S):
        fail("the broker did not take it in time", UNAVAILABLE)
    typer.echo(f"sent to {settings.topic(topic.name)}")


def _letters(topic: Topic) -> list[Any]:
    try:
        return list(read_to_end(Settings(), dead_letters(topic).name))
    except TopicUnreadableError as error:
        fail(str(error), UNAVAILABLE)
        return []


def _find(letter: str) -> tuple[Topic, Any]:
    name, _, offset = letter.rpartition("/")
    for topic in CONSUMED:
        if topic.name == name:
            for message in _letters(topic):
                if str(message.offset()) == offset:
                    return topic, message
    fail(f"no dead letter {letter}", NOT_FOUND)
    raise AssertionError


def _headers(message: Any) -> dict[str, str]:
    return {name: value.decode("utf-8", "replace") for name, value in message.headers() or []}


def _row(topic: Topic, message: Any) -> dict[str, Any]:
    headers = _headers(message)
    return {
        "letter": f"{topic.name}/{message.offset()}",
        "from": f"{headers.get('__connect.errors.partition', '?')}/"
        f"{headers.get('__connect.errors.offset', '?')}",
        "reason": headers.get("__connect.errors.exception.message", ""),
        "bytes": len(message.value() or b""),
    }
