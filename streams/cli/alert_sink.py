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
    """Post every alert as it comes, at least once; an outage holds them back and loses none."""
    target = _target(webhook, alertmanager, token_file)
    settings = Settings()
    codec = Codec(RegistryIds(settings.registry_url, settings.schema_cache), settings.topic_prefix)
    with httpx2.Client(timeout=timeout_s) as client:
        sink = AlertSink(settings, codec, target, client)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: sink.stop())
        sink.run()


def _target(webhook: str | None, alertmanager: str | None, token_file: Path | None) -> Target:
    if (webhook is None) == (alertmanager is None):
        fail("name one receiver: --webhook URL or --alertmanager URL", BAD_INPUT)
    token = None
    if token_file is not None:
        try:
            token = token_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            fail(f"{token_file}: {error.strerror}", BAD_INPUT)
    if alertmanager is not None:
        return Target(f"{alertmanager.rstrip('/')}/api/v2/alerts", alertmanager_body, token)
    return Target(webhook or "", webhook_body, token)
