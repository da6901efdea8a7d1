"""How every client reaches Kafka and the registry: addresses, TLS, and who it says it is.

One place, so that no client is forgotten: `tests/unit/test_connection.py` refuses a client that is
made with an address alone.
"""

import ssl
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from schemas.settings import Settings

# librdkafka demands the name of a group of whoever only reads, and asks who coordinates it: each
# role may ask that of this one, and nobody may join it.
NEVER_JOINED = "never-joined"
ANSWER_S = 10.0
SLICE_S = 0.5
REFUSALS = (
    KafkaError._AUTHENTICATION,  # noqa: SLF001 - their names
    KafkaError._SSL,  # noqa: SLF001
)


class KafkaRefusedError(RuntimeError):
    """The broker refuses this client, or the client the broker; asking again does not help."""


def kafka_config(settings: Settings) -> dict[str, Any]:
    """Return what a client of librdkafka (confluent-kafka) has to be told.

    Examples
    --------
    >>> kafka_config(Settings(bootstrap_servers="k:9092", kafka_security="PLAINTEXT"))
    {'bootstrap.servers': 'k:9092'}
    >>> named = Settings(kafka_security="SASL_SSL", kafka_username="w", kafka_password="secret")
    >>> sorted(kafka_config(named))[1:]
    ['sasl.mechanism', 'sasl.password', 'sasl.username', 'security.protocol']
    """
    config: dict[str, Any] = {"bootstrap.servers": settings.bootstrap_servers}
    if settings.kafka_security == "PLAINTEXT":
        return config
    config["security.protocol"] = settings.kafka_security
    if (who := name_and_password(settings)) is not None:
        config["sasl.mechanism"] = settings.kafka_sasl_mechanism
        config["sasl.username"], config["sasl.password"] = who
    files = {
        "ssl.ca.location": settings.kafka_ca_file,
        "ssl.certificate.location": settings.kafka_certificate_file,
        "ssl.key.location": settings.kafka_key_file,
    }
    return config | {name: str(path) for name, path in files.items() if path is not None}


def reading_config(settings: Settings) -> dict[str, Any]:
    """Return the same for a consumer that belongs to no group and commits nothing.

    Examples
    --------
    >>> reading_config(Settings(topic_prefix="blue."))["group.id"]
    'blue.never-joined'
    """
    own = {"group.id": settings.topic(NEVER_JOINED), "enable.auto.commit": False}
    return kafka_config(settings) | own


def name_and_password(settings: Settings) -> tuple[str | None, str] | None:
    """Return who a client says it is to Kafka; None where a broker does not ask for a name.

    Examples
    --------
    >>> name_and_password(Settings(kafka_security="PLAINTEXT")) is None
    True
    >>> named = Settings(kafka_security="SASL_SSL", kafka_username="w", kafka_password="secret")
    >>> name_and_password(named)
    ('w', 'secret')
    """
    if settings.kafka_password is None or "SASL" not in settings.kafka_security:
        return None
    return settings.kafka_username, settings.kafka_password.get_secret_value()


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """Return what aiokafka needs for TLS; None where the connection is in the clear.

    Raises
    ------
    OSError
        If one of the files can't be read or used.
    """
    if not settings.kafka_security.endswith("SSL"):
        return None
    context = ssl.create_default_context(cafile=settings.kafka_ca_file)
    if settings.kafka_certificate_file is not None:
        context.load_cert_chain(settings.kafka_certificate_file, settings.kafka_key_file)
    return context


def aiokafka_config(settings: Settings) -> dict[str, Any]:
    """Return what a client of aiokafka has to be told.

    Examples
    --------
    >>> aiokafka_config(Settings(bootstrap_servers="k:9092", kafka_security="PLAINTEXT"))
    {'bootstrap_servers': 'k:9092', 'security_protocol': 'PLAINTEXT', 'ssl_context': None}
    """
    config: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap_servers,
        "security_protocol": settings.kafka_security,
        "ssl_context": tls_context(settings),
    }
    if (who := name_and_password(settings)) is not None:
        config["sasl_mechanism"] = settings.kafka_sasl_mechanism
        config["sasl_plain_username"], config["sasl_plain_password"] = who
    return config


def registry_config(settings: Settings) -> dict[str, Any]:
    """Return what a client of the registry has to be told beside its address.

    Examples
    --------
    >>> registry_config(Settings(registry_username="w", registry_password="secret"))
    {'basic.auth.user.info': 'w:secret'}
    """
    config: dict[str, Any] = {}
    if settings.registry_password is not None:
        password = settings.registry_password.get_secret_value()
        config["basic.auth.user.info"] = f"{settings.registry_username}:{password}"
    if settings.registry_ca_file is not None:
        config["ssl.ca.location"] = str(settings.registry_ca_file)
    return config


def check_admission(settings: Settings) -> None:
    """Ask the broker whether it lets this client in; a broker that is away is no refusal.

    Clients ask again for ever where a password is wrong, and say so on a line that nobody looks
    for. Nothing is asked of a broker without security: it lets everybody in.

    Raises
    ------
    KafkaRefusedError
        If the broker refuses name or certificate, or its own certificate is not to be trusted.
    """
    if settings.kafka_security == "PLAINTEXT":
        return
    reasons: list[str] = []

    def heard(error: KafkaError) -> None:
        if error.code() in REFUSALS:
            reasons.append(error.str())

    try:
        admin = AdminClient({**kafka_config(settings), "error_cb": heard, "log_level": 0})
    except KafkaException as error:  # a file that can't be read, a mechanism that isn't known
        raise KafkaRefusedError(f"security settings of Kafka: {error.args[0].str()}") from error
    if not _answers(admin, reasons) and reasons:
        who = settings.kafka_username or "this client"
        raise KafkaRefusedError(
            f"Kafka at {settings.bootstrap_servers} does not let {who} in: {reasons[0]}"
        )


def _answers(admin: AdminClient, reasons: list[str]) -> bool:
    """Ask until there is an answer or a refusal, in slices: a refused client goes on asking."""
    for _ in range(round(ANSWER_S / SLICE_S)):
        try:
            admin.list_topics(timeout=SLICE_S)
        except KafkaException:
            admin.poll(0)
            if reasons:
                return False
        else:
            return True
    return False
