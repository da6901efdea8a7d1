"""Connect's REST API, as far as the warehouse needs it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx2

from infra.local.server import READY_TIMEOUT_S

TIMEOUT_S = 120.0  # the first PUT loads the plugin
PAUSE_S = 0.5


class ConnectError(RuntimeError):
    """Connect refuses or does not answer; the message says why."""


@dataclass(frozen=True, slots=True)
class SinkState:
    """What became of a connector: its state, that of each task, and why one failed."""

    name: str
    connector: str
    tasks: tuple[str, ...]
    trace: str = ""

    @property
    def is_running(self) -> bool:
        """Whether the connector and at least one task run, and no task has failed."""
        return self.connector == "RUNNING" and set(self.tasks) == {"RUNNING"}

    @property
    def has_failed(self) -> bool:
        """Whether something needs to be started again."""
        return "FAILED" in (self.connector, *self.tasks)


class ConnectRest:
    """A client of one worker.

    Parameters
    ----------
    url
        Base address, such as http://127.0.0.1:8083.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._http = httpx2.Client(base_url=url, timeout=TIMEOUT_S)

    def put(self, name: str, config: Mapping[str, str]) -> None:
        """Create a connector or change it; the same again changes nothing."""
        self._ask("PUT", f"/connectors/{name}/config", dict(config))

    def state(self, name: str) -> SinkState:
        """Return a connector's state; UNASSIGNED where no worker has taken it up yet."""
        answer = self._ask("GET", f"/connectors/{name}/status", missing_ok=True)
        if answer is None:
            return SinkState(name, "UNASSIGNED", ())
        tasks = answer["tasks"]
        traces = [part.get("trace", "") for part in (answer["connector"], *tasks)]
        return SinkState(
            name, answer["connector"]["state"], tuple(task["state"] for task in tasks),
            next(filter(None, traces), ""),
        )  # fmt: skip

    def restart_failed(self, name: str) -> None:
        """Start a connector and those of its tasks again that failed."""
        self._ask("POST", f"/connectors/{name}/restart?includeTasks=true&onlyFailed=true")

    def wait_until_running(self, name: str, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Return when the connector and its tasks run.

        Raises
        ------
        ConnectError
            With the task's stack trace when it fails, or when it takes too long.
        """
        give_up_s = time.monotonic() + timeout_s
        while not (state := self.state(name)).is_running:
            if state.has_failed or time.monotonic() > give_up_s:
                raise ConnectError(f"{name} is {state.connector} {state.tasks}: {state.trace}")
            time.sleep(PAUSE_S)

    def _ask(self, verb: str, path: str, body: Any = None, *, missing_ok: bool = False) -> Any:
        give_up_s = time.monotonic() + TIMEOUT_S
        while True:
            try:
                answer = self._http.request(verb, path, json=body)
            except httpx2.HTTPError as error:
                raise ConnectError(f"{self._url} does not answer: {error}") from error
            # 409: the group is finding out who does what, at each start and change.
            if answer.status_code != HTTPStatus.CONFLICT or time.monotonic() > give_up_s:
                break
            time.sleep(PAUSE_S)
        if missing_ok and answer.status_code == HTTPStatus.NOT_FOUND:
            return None
        if answer.is_error:
            raise ConnectError(f"{verb} {path}: {answer.status_code} {answer.text[:500]}")
        return answer.json() if answer.content else None
