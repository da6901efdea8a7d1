"""Schema ids from a Confluent-compatible registry, cached on disk.

A registry that is down stops nothing: what was registered or seen once is read from the cache.
"""

import json
import os
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self

import stamina
import structlog
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient, SchemaRegistryError
from httpx2 import HTTPError

from schemas.codec import UndecodableError
from schemas.connection import registry_config
from schemas.settings import Settings

LOG = structlog.get_logger(__name__)
COMPATIBILITY = "BACKWARD_TRANSITIVE"
# What a registry answers where an id can't be one of its own.
NO_SCHEMA = (HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY)


class RegistryUnavailableError(RuntimeError):
    """The registry does not answer and the cache does not know the schema."""


class RegistryIds:
    """Schema ids of a registry, with a cache that outlives it.

    Parameters
    ----------
    url
        Base address of the Confluent API, such as Apicurio's /apis/ccompat/v7.
    cache
        File that keeps ids and schemas; made where absent.
    attempts
        Tries before the registry counts as down, with growing pauses.
    security
        What else its client has to be told: who we are, whose certificates count.
    """

    def __init__(
        self, url: str, cache: Path, attempts: int = 3, security: Mapping[str, Any] | None = None
    ) -> None:
        self._client = SchemaRegistryClient(
            {"url": url, "timeout": 10, "max.retries": 0, **(security or {})}
        )
        self._cache = cache
        self._attempts = attempts
        self._known = _load(cache)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return those of a deployment."""
        return cls(settings.registry_url, settings.schema_cache, security=registry_config(settings))

    def register(self, subject: str, schema: str) -> int:
        """Return the id of `schema` under `subject`, registering it if new.

        Raises
        ------
        RegistryUnavailableError
            If the registry is down and the schema was never registered from here.
        """
        key = f"{subject}\n{schema}"
        if key not in self._known["ids"]:
            schema_id = self._ask(subject, schema)
            self._known["ids"][key] = str(schema_id)
            self._known["schemas"][str(schema_id)] = schema
            self._keep()
        return int(self._known["ids"][key])

    def schema(self, schema_id: int) -> str:
        """Return the schema of an id; raises UndecodableError where the registry has none."""
        key = str(schema_id)
        if key not in self._known["schemas"]:
            self._known["schemas"][key] = self._fetch(schema_id)
            self._keep()
        return self._known["schemas"][key]

    def _ask(self, subject: str, schema: str) -> int:
        try:
            for attempt in stamina.retry_context(on=_is_passing, attempts=self._attempts):
                with attempt:
                    return int(self._client.register_schema(subject, Schema(schema, "AVRO")))
        except (HTTPError, SchemaRegistryError) as error:
            raise RegistryUnavailableError(f"can't register {subject}: {error}") from error
        raise AssertionError("unreachable")

    def _fetch(self, schema_id: int) -> str:
        try:
            for attempt in stamina.retry_context(on=_is_passing, attempts=self._attempts):
                with attempt:
                    return str(self._client.get_schema(schema_id).schema_str)
        except (HTTPError, SchemaRegistryError) as error:
            # A message that is taken for undecodable is buried: only where there is no such schema.
            if isinstance(error, SchemaRegistryError) and error.http_status_code in NO_SCHEMA:
                raise UndecodableError(f"unknown schema id {schema_id}") from error
            raise RegistryUnavailableError(f"can't fetch schema {schema_id}: {error}") from error
        raise AssertionError("unreachable")

    def _keep(self) -> None:
        """Write the cache; on a full disk go on without, since the registry knows it all."""
        try:
            _save(self._cache, self._known)
        except OSError as error:
            LOG.warning("schema_ids_not_kept", file=str(self._cache), reason=str(error))

    def set_compatibility(self) -> None:
        """Make the registry refuse schemas that older data could not be read with."""
        self._client.set_compatibility(level=COMPATIBILITY)


def _is_passing(error: Exception) -> bool:
    """Tell whether the registry may answer otherwise when it is asked again."""
    if isinstance(error, SchemaRegistryError):
        return int(error.http_status_code) >= HTTPStatus.INTERNAL_SERVER_ERROR
    return isinstance(error, HTTPError)


def _load(cache: Path) -> dict[str, dict[str, str]]:
    if cache.exists():
        loaded: dict[str, dict[str, str]] = json.loads(cache.read_text(encoding="utf-8"))
        return loaded
    return {"ids": {}, "schemas": {}}


def _save(cache: Path, known: dict[str, dict[str, str]]) -> None:
    """Write the cache whole, then rename: another process reads the old or the new, no half."""
    cache.parent.mkdir(parents=True, exist_ok=True)
    part = cache.with_suffix(f".{os.getpid()}.part")
    try:
        part.write_text(json.dumps(known), encoding="utf-8")
        part.replace(cache)
    finally:
        part.unlink(missing_ok=True)  # no half of it stays where the disk is full
