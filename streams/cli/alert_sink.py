"""`warmfront alert-sink`: alerts to a webhook or to Alertmanager."""

import signal
from pathlib import Path
from typing import Annotated

import httpx2
import typer

from schemas.codec import Codec
from schemas.registry import RegistryIds
from schemas.settings import Settings
from streams.cli.shown import fail
from streams.runtime.alert_bodies import alertmanager_body, webhook_body
from streams.runtime.alert_sink import AlertSink, Target

BAD_INPUT = 2


def command(
    *,
    webhook: Annotated[str | None, typer.Option(help="Address that takes each as JSON.")] = None,
    alertmanager: Annotated[
        str | None, typer.Option(help="Alertmanager's address, such as http://am:9093.")
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(help="File with a bearer token to send along.")
    ] = None,
    timeout_s: Annotated[float, typer.Option(min=0.1, help="For each try.")] = 10.0,
) -> None:
    """Post every alert as it comes, at least once; an outage holds them back and loses none.

    Without a receiver named here, that of the settings is taken, with its token.
    """
    settings = Settings()
    target = _target(settings, webhook, alertmanager, token_file)
    codec = Codec(RegistryIds.of(settings), settings.topic_prefix)
    with httpx2.Client(timeout=timeout_s) as client:
        sink = AlertSink(settings, codec, target, client)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: sink.stop())
        sink.run()


def _target(
    settings: Settings, webhook: str | None, alertmanager: str | None, token_file: Path | None
) -> Target:
    """Return the receiver: the one named on the command line, else the one of the settings."""
    token = None if settings.alert_token is None else settings.alert_token.get_secret_value()
    if webhook is None and alertmanager is None:
        hook = settings.alert_webhook
        webhook = None if hook is None else str(hook.get_secret_value())
        known = settings.alertmanager_url
        alertmanager = None if known is None else str(known)
    else:
        token = None  # that one is meant for another receiver
    if (webhook is None) == (alertmanager is None):
        fail("name one receiver: --webhook URL or --alertmanager URL", BAD_INPUT)
    if token_file is not None:
        token = _token(token_file)
    url = webhook if alertmanager is None else f"{alertmanager.rstrip('/')}/api/v2/alerts"
    if url is None or not url.startswith(("http://", "https://")):
        fail(f"{url}: an address begins with http:// or https://", BAD_INPUT)
    return Target(str(url), webhook_body if alertmanager is None else alertmanager_body, token)


def _token(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{file}: {getattr(error, 'strerror', None) or 'no text'}", BAD_INPUT)
    return None
