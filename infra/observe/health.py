"""Whether a process lives and is ready, told by what it last did and not by its being there.

Live: what it does in circles came round lately, and every further check has nothing to say; else it
should be restarted. Ready: it has what it needs to do its work; else it should be waited for.
"""

import time
from collections.abc import Callable
from typing import Any

Check = Callable[[], str | None]

# A worker's longest step is a few seconds; compiling before the first beat up to three
# minutes.
BEAT_LIMIT_S = 30.0
START_LIMIT_S = 300.0


class Health:
    """The health of this process.

    Parameters
    ----------
    process
        Its kind, such as worker.
    beat_limit_s
        A pause between beats that is longer means that it hangs.
    clock
        Seconds that only go forward.

    Examples
    --------
    >>> health = Health("worker", clock=lambda: 0.0)
    >>> health.wait_for("recovered", "state is being read")
    >>> health.not_ready()
    ['recovered: state is being read']
    >>> health.met("recovered")
    >>> health.not_ready(), health.not_live()
    ([], [])
    """

    def __init__(
        self, process: str, beat_limit_s: float = BEAT_LIMIT_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self.process = process
        self._beat_limit_s = beat_limit_s
        self._clock = clock
        self._began_s = clock()
        self._beat_s: float | None = None
        self._unmet: dict[str, str] = {}
        self._live: dict[str, Check] = {}
        self._ready: dict[str, Check] = {}

    def beat(self) -> None:
        """Say that the loop came round."""
        self._beat_s = self._clock()

    @property
    def beat_age_s(self) -> float:
        """Seconds since the last beat, or since the start where there was none."""
        return self._clock() - (self._began_s if self._beat_s is None else self._beat_s)

    def wait_for(self, name: str, why: str) -> None:
        """Say that something needed is not there, and why."""
        self._unmet[name] = why

    def met(self, name: str) -> None:
        """Say that it is there now."""
        self._unmet.pop(name, None)

    def check_live(self, name: str, check: Check) -> None:
        """Ask `check` too whether the process lives: it gives what is wrong, or None."""
        self._live[name] = check

    def check_ready(self, name: str, check: Check) -> None:
        """Ask `check` too whether the process is ready: it gives what is missing, or None."""
        self._ready[name] = check

    def not_live(self) -> list[str]:
        """Return why this process should be restarted; empty where it lives."""
        limit_s = START_LIMIT_S if self._beat_s is None else self._beat_limit_s
        late = [f"loop: no beat for {self.beat_age_s:.0f} s"] if self.beat_age_s > limit_s else []
        return late + _told(self._live)

    def not_ready(self) -> list[str]:
        """Return what this process waits for; empty where it is ready."""
        unmet = [f"{name}: {why}" for name, why in self._unmet.copy().items()]
        return unmet + _told(self._ready) + self.not_live()

    def state(self) -> dict[str, Any]:
        """Return everything, for people."""
        return {
            "process": self.process,
            "live": not self.not_live(),
            "ready": not self.not_ready(),
            "not_live": self.not_live(),
            "not_ready": self.not_ready(),
            "beat_age_s": round(self.beat_age_s, 3),
        }


def _told(checks: dict[str, Check]) -> list[str]:
    return [f"{name}: {wrong}" for name, check in checks.items() if (wrong := check())]
