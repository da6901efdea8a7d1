"""Every client is told how to reach Kafka in one place, and secrets stay out of what is shown."""

import ast
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from pydantic import ValidationError

from schemas.connection import (
    NEVER_JOINED,
    aiokafka_config,
    kafka_config,
    registry_config,
    tls_context,
)
from schemas.settings import Settings
from tests.testkit.secured_kafka import write_certificates

REPOSITORY = Path(__file__).parents[2]
CANARY = "canary-Zq8-password"


def secured(**more) -> Settings:
    return Settings(
        bootstrap_servers="k:9093", kafka_security="SASL_SSL", kafka_username="worker",
        kafka_password=CANARY, registry_username="reader", registry_password=CANARY, **more,
    )  # fmt: skip


def addressed_by_hand(tree: ast.AST) -> Iterator[int]:
    """Lines that hand a client an address themselves, and with it no TLS and no name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            by_hand = any(ast.unparse(k) == "'bootstrap.servers'" for k in node.keys if k)
        else:
            by_hand = isinstance(node, ast.Call) and "bootstrap_servers" in [
                keyword.arg for keyword in node.keywords
            ]
        if by_hand:
            yield node.lineno


def test_no_client_is_made_with_an_address_alone() -> None:
    found = [
        f"{path.relative_to(REPOSITORY)}:{line}"
        for room in ("streams", "allocator", "schemas")
        for path in (REPOSITORY / room).rglob("*.py")
        if path.name != "connection.py"
        for line in addressed_by_hand(ast.parse(path.read_text()))
    ]
    assert found == []


def test_the_search_finds_a_client_with_an_address_alone() -> None:
    bad = "Consumer({'bootstrap.servers': s})\nAIOKafkaConsumer(bootstrap_servers=s)"
    assert sorted(addressed_by_hand(ast.parse(bad))) == [1, 2]


def test_whoever_reads_without_a_group_takes_the_name_that_every_role_may_ask_for() -> None:
    named = {
        str(path.relative_to(REPOSITORY))
        for room in ("streams", "allocator", "schemas")
        for path in (REPOSITORY / room).rglob("*.py")
        if f'{NEVER_JOINED}"' in path.read_text()
    }
    assert named == {"schemas/connection.py"}


def test_both_client_libraries_are_told_the_same() -> None:
    ours, theirs = kafka_config(secured()), aiokafka_config(secured())
    assert ours["security.protocol"] == theirs["security_protocol"] == "SASL_SSL"
    assert ours["sasl.mechanism"] == theirs["sasl_mechanism"] == "SCRAM-SHA-512"
    assert ours["sasl.password"] == theirs["sasl_plain_password"] == CANARY
    assert isinstance(theirs["ssl_context"], ssl.SSLContext)


def test_mutual_tls_shows_the_own_certificate(tmp_path: Path) -> None:
    write_certificates(tmp_path)
    settings = Settings(
        kafka_security="SSL", kafka_ca_file=tmp_path / "ca.pem",
        kafka_certificate_file=tmp_path / "admin.crt", kafka_key_file=tmp_path / "admin.key",
    )  # fmt: skip
    assert kafka_config(settings)["ssl.key.location"] == str(tmp_path / "admin.key")
    context = tls_context(settings)
    assert context is not None
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


@pytest.mark.parametrize(
    ("half", "complaint"),
    [
        ({"kafka_security": "SASL_SSL", "kafka_username": "w"}, "needs kafka_username and"),
        ({"kafka_security": "SSL", "kafka_key_file": "k"}, "go together"),
        ({"kafka_username": "w", "kafka_password": "p"}, "kafka_security is PLAINTEXT"),
    ],
)
def test_half_a_login_is_refused(half, complaint) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Settings(**half)


def test_secrets_are_in_nothing_that_is_shown_or_logged() -> None:
    settings = secured(pseudonym_key=CANARY, dashboard_token=CANARY)
    with structlog.testing.capture_logs() as logged:
        structlog.get_logger().error("failed", settings=settings)
    for shown in (repr(settings), str(settings), settings.model_dump_json(), repr(logged)):
        assert CANARY not in shown


def test_a_validation_error_does_not_repeat_the_password() -> None:
    with pytest.raises(ValidationError) as refused:
        Settings(kafka_security="SASL", kafka_username="w", kafka_password=CANARY)
    assert CANARY not in str(refused.value.errors(include_input=False))


def test_the_registry_gets_name_and_password_only_where_there_is_one() -> None:
    assert registry_config(Settings()) == {}
    assert registry_config(secured())["basic.auth.user.info"] == f"reader:{CANARY}"
