"""Tells where each setting's value comes from: environment, secret file, TOML file, or default."""

from dataclasses import dataclass
from typing import Any

from pydantic import Secret, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import (
    EnvSettingsSource,
    SecretsSettingsSource,
    TomlConfigSettingsSource,
)

from schemas.settings import Settings, secrets_dir, settings_file

MASK = "********"


@dataclass(frozen=True, slots=True)
class Shown:
    """A setting as people may see it.

    Parameters
    ----------
    name, value, about
        The value of a secret is masked.
    origin
        In words: the variable, the file, or that it is the default.
    variable
        The environment variable that sets it.
    """

    name: str
    value: Any
    origin: str
    variable: str
    about: str


def shown(settings: Settings) -> list[Shown]:
    """Return every setting with the origin of its value.

    Parameters
    ----------
    settings
        Those in force, read from the same files and environment.
    """
    kind = type(settings)
    sources = _sources(kind)
    plain = settings.model_dump(mode="json")
    return [
        Shown(name, _masked(getattr(settings, name), plain[name]), _origin(name, field, sources),
              variable_of(name, field), field.description or "")
        for name, field in kind.model_fields.items()
    ]  # fmt: skip


def variable_of(name: str, field: FieldInfo) -> str:
    """Return the environment variable of a setting.

    Examples
    --------
    >>> variable_of("topic_prefix", Settings.model_fields["topic_prefix"])
    'WARMFRONT_TOPIC_PREFIX'
    >>> variable_of("bootstrap_servers", Settings.model_fields["bootstrap_servers"])
    'KAFKA_BOOTSTRAP_SERVERS'
    """
    choices = getattr(field.validation_alias, "choices", ())
    own = [choice for choice in choices if isinstance(choice, str) and choice.isupper()]
    return own[0] if own else f"{Settings.model_config['env_prefix']}{name}".upper()


def _sources(kind: type[Settings]) -> list[tuple[str, dict[str, Any]]]:
    """Return what each source gives, the strongest first."""
    secrets, file = secrets_dir(), settings_file()
    return [
        ("environment", EnvSettingsSource(kind)()),
        (f"secret file in {secrets}", SecretsSettingsSource(kind, secrets)()),
        (str(file), TomlConfigSettingsSource(kind, file)()),
    ]


def _origin(name: str, field: FieldInfo, sources: list[tuple[str, dict[str, Any]]]) -> str:
    names = {name, variable_of(name, field), field.alias or name}
    names |= {str(choice) for choice in getattr(field.validation_alias, "choices", ())}
    for origin, values in sources:
        if names & values.keys():
            return f"{origin} {variable_of(name, field)}" if origin == "environment" else origin
    return "default"


def _masked(value: Any, plain: Any) -> Any:
    return MASK if isinstance(value, SecretStr | Secret) else plain
