"""`warmfront forget USER`: erases what is known of a person, and says what goes only with time."""

import json
import time
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from schemas.codec import Codec
from schemas.registry import RegistryIds, RegistryUnavailableError
from schemas.settings import Settings
from streams.cli.shown import UNAVAILABLE, fail, user_id
from streams.runtime.forgetting import Asked, Forgetting, expiring, keyed_by_user
from streams.runtime.terminal import Terminal
from streams.runtime.topic_reader import TopicUnreadableError

NOT_YET = 4
LOOK_EVERY_S = 1.0


def command(
    user: Annotated[str, typer.Argument(help="User; hashed first, if a pseudonym key is set.")],
    *,
    as_is: Annotated[bool, typer.Option(help="USER is the id as it is on the topics.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    delete_records: Annotated[
        bool,
        typer.Option(
            help="Delete telemetry and predictions of USER's partition too, up to USER's last;"
            " other users' older records in it go with them."
        ),
    ] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait until it is done.")] = 240.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Erase a user's state and profile for good, and say what is left in the logs until when."""
    settings = Settings()
    name = user if as_is else user_id(settings, user)
    if not yes:
        typer.confirm(f"Erase everything learnt about {name}?", abort=True, err=True)
    codec = Codec(RegistryIds.of(settings), settings.topic_prefix)
    forgetting = Forgetting(settings, codec, name)
    try:
        asked = forgetting.ask()
        remains = _wait(forgetting, asked, timeout)
        deleted = _delete(forgetting, asked) if delete_records and remains is None else {}
    except (TopicUnreadableError, RegistryUnavailableError) as error:
        fail(str(error), UNAVAILABLE)
        return
    report = {
        "user": name, "erased": remains is None, "remains": remains, "deleted": deleted,
        "partition": asked.partition, "offset": asked.offset, "left": _left(),
    }  # fmt: skip
    _show(report, as_json=as_json)
    if remains is not None:
        raise typer.Exit(NOT_YET)


def _wait(forgetting: Forgetting, asked: Asked, timeout_s: float) -> str | None:
    """Wait until nothing is left under the user's key; return what is, if the time is over."""
    end = time.monotonic() + timeout_s
    while True:
        forgetting.nudge(asked.partition)
        remains = forgetting.remains(asked.partition)
        if remains is None or time.monotonic() > end:
            return remains
        time.sleep(LOOK_EVERY_S)


def _delete(forgetting: Forgetting, asked: Asked) -> dict[str, int]:
    topics = keyed_by_user()
    return {topic.name: forgetting.delete_records(topic, asked.partition) for topic in topics}


def _left() -> list[dict[str, Any]]:
    """Return until when records of a user may be on each topic that is deleted by age."""
    now_ms = time.time() * 1000
    return [{"topic": t.name, "until": round(now_ms + (t.retention_ms or 0))} for t in expiring()]


def _show(report: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(report))
        return
    console = Terminal()
    if report["erased"]:
        console.print(f"{report['user']} is forgotten: no state, no profile.", highlight=False)
    else:
        console.print(
            f"The request is on the log and will be obeyed; there are still {report['remains']}. "
            "That needs a running worker, and open minutes need telemetry or heartbeats to close."
        )
    for topic, count in report["deleted"].items():
        console.print(f"  {topic}: {count} records deleted")
    console.print("By age only, at the latest:")
    for row in report["left"]:
        until = datetime.fromtimestamp(row["until"] / 1000, UTC)
        console.print(f"  {row['topic']}: {until:%Y-%m-%d}", highlight=False)
