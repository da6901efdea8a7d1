"""Where the pipeline's services are and what this deployment is called.

One TOML file, environment variables above it (WARMFRONT_...), secrets from files. Both sides,
streams and allocator, read the same.
"""

import os
from hashlib import sha256
from pathlib import Path
from typing import Literal, Self

from pydantic import AliasChoices, Field, HttpUrl, Secret, SecretStr, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

# Where the files are; these two can't be in the file.
FILE_VARIABLE = "WARMFRONT_CONFIG"
SECRETS_VARIABLE = "WARMFRONT_SECRETS_DIR"
DEFAULT_FILE = "warmfront.toml"


class SettingsFileError(ValueError):
    """A file that was named is not there; the message says which."""


def settings_file() -> Path:
    """Return the TOML file: WARMFRONT_CONFIG, else warmfront.toml, which may be absent.

    Raises
    ------
    SettingsFileError
        If the variable names a file that is not there.
    """
    named = os.environ.get(FILE_VARIABLE)
    if named and not Path(named).is_file():
        raise SettingsFileError(f"{FILE_VARIABLE} names {named}: no such file")
    return Path(named or DEFAULT_FILE)


def secrets_dir() -> Path | None:
    """Return the folder with one file a secret, such as Kubernetes mounts; None where not named.

    Raises
    ------
    SettingsFileError
        If the variable names a folder that is not there.
    """
    named = os.environ.get(SECRETS_VARIABLE)
    if named and not Path(named).is_dir():
        raise SettingsFileError(f"{SECRETS_VARIABLE} names {named}: no such folder")
    return Path(named) if named else None


class Settings(BaseSettings):
    """Settings shared by every process.

    Examples
    --------
    >>> Settings(topic_prefix="test.").topic_prefix
    'test.'
    """

    model_config = SettingsConfigDict(env_prefix="WARMFRONT_", extra="forbid")

    bootstrap_servers: str = Field(
        default="127.0.0.1:29092",
        validation_alias=AliasChoices("bootstrap_servers", "KAFKA_BOOTSTRAP_SERVERS"),
        description="Kafka's addresses, host:port separated by commas.",
    )
    registry_url: str = Field(
        default="http://127.0.0.1:28081/apis/ccompat/v7",
        description="Schema registry with the Confluent API.",
    )
    kafka_security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="How Kafka is spoken to, in Kafka's own words."
    )
    kafka_sasl_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = Field(
        default="SCRAM-SHA-512", description="How the password is shown; PLAIN only over TLS."
    )
    kafka_username: str = Field(default="", description="Who this process is, with SASL.")
    kafka_password: SecretStr | None = Field(default=None, description="Its password, with SASL.")
    kafka_ca_file: Path | None = Field(
        default=None, description="Certificates (PEM) that Kafka's is checked with; None: system's."
    )
    kafka_certificate_file: Path | None = Field(
        default=None, description="This process's own certificate (PEM), for mutual TLS."
    )
    kafka_key_file: Path | None = Field(default=None, description="The key (PEM) to it.")
    registry_username: str = Field(default="", description="Who this process is to the registry.")
    registry_password: SecretStr | None = Field(
        default=None, description="Its password there; None: none is asked."
    )
    registry_ca_file: Path | None = Field(
        default=None, description="Certificates (PEM) that the registry's is checked with."
    )
    topic_prefix: str = Field(
        default="",
        description="Put before every topic and group name; a replay of old data takes its own.",
    )
    state_dir: Path = Field(
        default=Path(".state"), description="Where local state, logs and caches are kept."
    )
    dashboard_port: int = Field(default=28080, description="Port of the dashboard.")
    dashboard_host: str = Field(
        default="127.0.0.1",
        description="Address the dashboard is served on; other than loopback needs a token.",
    )
    dashboard_token: SecretStr | None = Field(
        default=None, description="What readers of the dashboard have to know; None: nothing."
    )
    metrics_host: str = Field(
        default="127.0.0.1", description="Address of this process's metrics and health."
    )
    metrics_port: int = Field(
        default=0, description="Port of /metrics, /healthz and /readyz of this process; 0: none."
    )
    local_metrics_port: int = Field(
        default=28090,
        description="Port of the worker's metrics under `warmfront up`; others: + 1 to 3; 0: none.",
    )
    local_kafka_port: int = Field(
        default=29092,
        description="Port of the Kafka that `warmfront up` runs; its controller: + 1.",
    )
    local_registry_port: int = Field(
        default=28081, description="Port of the schema registry that `warmfront up` runs."
    )
    warehouse_port: int = Field(
        default=25432, description="Port of the PostgreSQL that `warmfront warehouse up` runs."
    )
    pools_file: Path = Field(
        default=Path("infra/pools.toml"), description="Pools and which programs they serve."
    )
    shadow_file: Path = Field(
        default=Path("infra/shadow.toml"),
        description="First steps of programs that may be run early, and what that may cost.",
    )
    programs_file: Path = Field(
        default=Path("infra/programs.toml"), description="Which command starts each program."
    )
    pseudonym_key: SecretStr | None = Field(
        default=None, description="Key that user ids are hashed with before they leave the host."
    )
    lateness_s: float = Field(
        default=60.0, description="How late an event may come and still count for its minute."
    )
    alerts_per_day: float = Field(
        default=1.0, gt=0, description="Alert budget over everything, in alerts a day."
    )
    alert_webhook: Secret[HttpUrl] | None = Field(
        default=None,
        description="Address that `warmfront alert-sink` posts each alert to; shown as a secret.",
    )
    alertmanager_url: HttpUrl | None = Field(
        default=None,
        description="Alertmanager that `warmfront alert-sink` posts to, instead of a webhook.",
    )
    alert_token: SecretStr | None = Field(
        default=None, description="Bearer token that the receiver of alerts asks for."
    )
    zone: str = Field(default="UTC", description="IANA time zone of users whose host tells none.")
    groups: dict[str, list[str]] = Field(
        default={}, description="Groups of users by patterns of their ids; `all` is everybody."
    )
    group_floor: int = Field(
        default=5, ge=5, description="Users that a group's sequence has before it is named."
    )
    holiday_country: str = Field(
        default="",
        description="Country whose public holidays forecasts know: DE, US-CA; empty for none.",
    )
    user_partitions: int = Field(
        default=4, description="Partitions of the topics keyed by user, as created."
    )
    pool_partitions: int = Field(
        default=4, description="Partitions of the topics keyed by pool, as created."
    )

    @model_validator(mode="after")
    def _follow_local_ports(self) -> Self:
        """Unless others are named, the broker and registry are those that `up` runs."""
        local = {
            "bootstrap_servers": f"127.0.0.1:{self.local_kafka_port}",
            "registry_url": f"http://127.0.0.1:{self.local_registry_port}/apis/ccompat/v7",
        }
        for name in local.keys() - self.model_fields_set:
            self.__dict__[name] = local[name]  # as a default: not counted as set by anybody
        return self

    @model_validator(mode="after")
    def _one_receiver(self) -> Self:
        """Alerts have one position on their topic, so one receiver."""
        if self.alert_webhook is not None and self.alertmanager_url is not None:
            raise ValueError("alert_webhook and alertmanager_url: name one receiver of alerts")
        return self

    @model_validator(mode="after")
    def _know_who_we_are(self) -> Self:
        """Refuse half a login: a client would ask for ever and never say why."""
        if "SASL" in self.kafka_security and not (self.kafka_username and self.kafka_password):
            raise ValueError(f"{self.kafka_security} needs kafka_username and kafka_password")
        if (self.kafka_certificate_file is None) != (self.kafka_key_file is None):
            raise ValueError("kafka_certificate_file and kafka_key_file go together")
        if self.kafka_security == "PLAINTEXT" and (self.kafka_password or self.kafka_username):
            raise ValueError("a name or password for Kafka, but kafka_security is PLAINTEXT")
        return self

    @property
    def schema_cache(self) -> Path:
        """File that keeps schema ids, so that a registry that is down stops nothing.

        One for each registry: another one gives the same ids to other schemas.
        """
        registry = sha256(self.registry_url.encode()).hexdigest()[:8]
        return self.state_dir / f"schema-ids-{registry}.json"

    def topic(self, name: str) -> str:
        """Return a topic's or group's full name in this deployment."""
        return f"{self.topic_prefix}{name}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments first, then environment, secret files and the TOML file."""
        del dotenv_settings, file_secret_settings
        secrets = SecretsSettingsSource(settings_cls, secrets_dir())
        toml = TomlConfigSettingsSource(settings_cls, settings_file())
        return (init_settings, env_settings, secrets, toml)
