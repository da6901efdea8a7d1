"""Sets the warehouse up and keeps its sinks running: tables, views, connectors."""

import threading
from collections.abc import Mapping
from pathlib import Path

import structlog

from infra.connect.rest import ConnectError, ConnectRest, SinkState
from infra.local.server import READY_TIMEOUT_S

LOG = structlog.get_logger(__name__)
HERE = Path(__file__).parent
SCRIPTS = (HERE / "tables.sql", HERE / "views.sql")
WATCH_EVERY_S = 10.0


def statements() -> str:
    """Return the SQL that makes tables and views, to be run as one."""
    return "\n".join(script.read_text(encoding="utf-8") for script in SCRIPTS)


class SinkKeeper:
    """Registers the sinks and starts those again that failed.

    A sink fails when its database is away for longer than it retries; its offsets stay where the
    last row was written, so that a new start goes on from there.

    Parameters
    ----------
    rest
        The worker.
    connectors
        Configuration by name, from `sinks.connectors`.
    """

    def __init__(self, rest: ConnectRest, connectors: Mapping[str, Mapping[str, str]]) -> None:
        self._rest = rest
        self._connectors = connectors

    def register(self) -> None:
        """Create the connectors, or change them to the configuration given."""
        for name, config in self._connectors.items():
            self._rest.put(name, config)

    def states(self) -> list[SinkState]:
        """Return the state of every sink."""
        return [self._rest.state(name) for name in self._connectors]

    def restart_failed(self) -> list[str]:
        """Start failed sinks again and return their names."""
        failed = [state for state in self.states() if state.has_failed]
        for state in failed:
            LOG.warning("sink_failed", sink=state.name, why=state.trace.partition("\n")[0])
            self._rest.restart_failed(state.name)
        return [state.name for state in failed]

    def wait_until_running(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Return when all sinks run; raises ConnectError when one fails or takes too long."""
        for name in self._connectors:
            self._rest.wait_until_running(name, timeout_s)

    def watch(self, stopping: threading.Event, every_s: float = WATCH_EVERY_S) -> None:
        """Look after the sinks until told to stop; a worker that is away is waited for."""
        while not stopping.wait(every_s):
            try:
                self.restart_failed()
            except ConnectError as error:
                LOG.warning("connect_away", why=str(error))
