"""`warmfront doctor`: what is missing or wrong, in words that a person can act on."""

import json
import time
import uuid
from dataclasses import asdict
from typing import Annotated

import typer
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from confluent_kafka.schema_registry import SchemaRegistryClient, SchemaRegistryError
from httpx2 import HTTPError
from rich.text import Text

from infra.local.checks import Check, Verdict, check_port, machine_checks
from schemas.connection import (
    KafkaRefusedError,
    check_admission,
    kafka_config,
    registry_config,
)
from schemas.settings import Settings
from schemas.topics import CATALOGUE
from streams.runtime.terminal import Terminal

TIMEOUT_S = 10.0
GOOD_SKEW_S = 1.0
_COLOURS = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.WRONG: "red"}


def command(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check this machine, the broker and the registry; exit with 1 where something is wrong."""
    checks = diagnose(Settings())
    healthy = all(check.verdict is not Verdict.WRONG for check in checks)
    if as_json:
        typer.echo(json.dumps({"ok": healthy, "checks": [asdict(check) for check in checks]}))
    else:
        _show(checks)
    raise typer.Exit(0 if healthy else 1)


def diagnose(settings: Settings) -> list[Check]:
    """Return all checks, those of the machine first."""
    return [
        *machine_checks(settings.state_dir),
        *_port_checks(settings),
        *broker_checks(settings),
        registry_check(settings),
    ]


def broker_checks(settings: Settings) -> list[Check]:
    """Ask the broker; what needs it is left out where it doesn't answer."""
    try:
        check_admission(settings)
    except KafkaRefusedError as error:
        advice = "see kafka_... in `warmfront config show` and docs/how-to/secure-kafka.md"
        return [Check("broker", Verdict.WRONG, str(error), advice)]
    admin = AdminClient({**kafka_config(settings), "log_level": 0})
    try:
        known = set(admin.list_topics(timeout=TIMEOUT_S).topics)
    except KafkaException:
        return [
            _unreachable(
                "broker", settings.bootstrap_servers, _is_own(settings, "bootstrap_servers")
            )
        ]
    reached = Check("broker", Verdict.OK, f"{settings.bootstrap_servers} answers")
    return [reached, topics_check(settings, known), clock_check(settings, admin)]


def topics_check(settings: Settings, known: set[str]) -> Check:
    """Compare the broker's topics with the catalogue."""
    missing = [name for t in CATALOGUE if (name := settings.topic(t.name)) not in known]
    if not missing:
        return Check("topics", Verdict.OK, f"all {len(CATALOGUE)} are there")
    found = f"{len(missing)} of {len(CATALOGUE)} are missing: {', '.join(missing)}"
    return Check("topics", Verdict.WARNING, found, "run `warmfront topics --create`")


def clock_check(settings: Settings, admin: AdminClient) -> Check:
    """Compare the broker's clock with this machine's by a record in a topic of its own."""
    try:
        skew_s = measured_skew_s(settings, admin)
    except (KafkaException, TimeoutError) as error:
        return Check("clock", Verdict.WARNING, f"not measured: {error}")
    found = f"broker and this machine differ by {skew_s:+.2f} s"
    if abs(skew_s) <= GOOD_SKEW_S:
        return Check("clock", Verdict.OK, found)
    # Partitions are declared idle by the broker's clock, events late by the producer's.
    grave = abs(skew_s) > settings.lateness_s / 2
    advice = "let NTP set both clocks (chrony, systemd-timesyncd)"
    return Check("clock", Verdict.WRONG if grave else Verdict.WARNING, found, advice)


def measured_skew_s(settings: Settings, admin: AdminClient) -> float:
    """Return broker time minus local time in seconds, 0 where they agree within the round trip.

    Raises
    ------
    KafkaException, TimeoutError
        When the broker refuses the topic, or no timestamp came back.
    """
    topic = settings.topic(f"doctor-{uuid.uuid4().hex[:8]}")
    config = {"message.timestamp.type": "LogAppendTime"}
    for created in admin.create_topics([NewTopic(topic, 1, config=config)]).values():
        created.result(TIMEOUT_S)
    try:
        stamps_ms: list[int] = []
        producer = Producer({**kafka_config(settings), "log_level": 0})
        # The first record may wait for the new topic's leader; the second's round trip is short.
        for _ in range(2):
            sent_s = time.time()
            producer.produce(
                topic, b"", on_delivery=lambda _, m: stamps_ms.append(m.timestamp()[1])
            )
            producer.flush(TIMEOUT_S)
            acked_s = time.time()
    finally:
        for deleted in admin.delete_topics([topic]).values():
            deleted.result(TIMEOUT_S)
    if len(stamps_ms) < 2 or stamps_ms[-1] <= 0:
        raise TimeoutError("no timestamp came back")
    return skew_s(sent_s, stamps_ms[-1] / 1000, acked_s)


def skew_s(sent_s: float, stamped_s: float, acked_s: float) -> float:
    """Return by how much a remote stamp lies outside the local interval it was made in.

    Examples
    --------
    >>> skew_s(10.0, 10.2, 10.5), skew_s(10.0, 13.0, 10.5), skew_s(10.0, 9.0, 10.5)
    (0.0, 2.5, -1.0)
    """
    return max(0.0, stamped_s - acked_s) + min(0.0, stamped_s - sent_s)


def registry_check(settings: Settings) -> Check:
    """Ask the schema registry for its subjects."""
    asked = {"url": settings.registry_url, "timeout": TIMEOUT_S, "max.retries": 0}
    try:
        subjects = SchemaRegistryClient({**asked, **registry_config(settings)}).get_subjects()
    except SchemaRegistryError as error:
        found = f"{settings.registry_url} refuses: {error}"
        return Check(
            "registry", Verdict.WRONG, found, "see registry_... in `warmfront config show`"
        )
    except (HTTPError, OSError, ValueError):
        return _unreachable("registry", settings.registry_url, _is_own(settings, "registry_url"))
    return Check("registry", Verdict.OK, f"{settings.registry_url} has {len(subjects)} subjects")


def _unreachable(what: str, address: str, is_own: bool) -> Check:
    if is_own:
        found = f"none runs at {address}"
        return Check(
            what, Verdict.WARNING, found, "`make run` starts it (or choose one: see README)"
        )
    advice = "is it running, is the address right, does a firewall let you through?"
    return Check(what, Verdict.WRONG, f"{address} does not answer", advice)


def _port_checks(settings: Settings) -> list[Check]:
    """Look at the ports that the local pipeline would listen on."""
    kafka, state = settings.local_kafka_port, settings.state_dir
    checks: list[Check] = []
    if _is_own(settings, "bootstrap_servers"):
        pid_file = state / "kafka" / "kafka.pid"
        checks.append(check_port("broker", kafka, pid_file))
        checks.append(check_port("its controller", kafka + 1, pid_file))
    if _is_own(settings, "registry_url"):
        pid_file = state / "registry" / "registry.pid"
        checks.append(check_port("registry", settings.local_registry_port, pid_file))
    return [*checks, check_port("dashboard", settings.dashboard_port)]


def _is_own(settings: Settings, field: str) -> bool:
    """Whether it is the one that `warmfront up` would start, since nobody named another."""
    return field not in settings.model_fields_set


def _show(checks: list[Check]) -> None:
    """Print a line per check, and below what is not in order what to do about it."""
    console = Terminal(soft_wrap=True)
    for check in checks:
        mark = (f"{check.verdict:8}", _COLOURS[check.verdict])
        console.print(Text.assemble(mark, f" {check.name}: {check.found}"))
        if check.advice:
            console.print(f"         -> {check.advice}", highlight=False)
