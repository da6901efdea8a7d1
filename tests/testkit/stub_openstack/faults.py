"""Scripted and random faults of HTTP calls, counted when they happen."""

import enum
import random
from collections import Counter
from dataclasses import dataclass, field


class Mishap(enum.StrEnum):
    """Faults below HTTP."""

    LOST_ANSWER = "done, and the connection closed without an answer"
    LOST_REQUEST = "the connection closed, nothing done"
    SLOW_ANSWER = "done, and the answer comes after the client's timeout"


@dataclass(frozen=True)
class HttpFault:
    """An answer in place of the right one; nothing is done.

    Parameters
    ----------
    status
        HTTP status.
    message
        In the body, as Nova words it.
    retry_after
        Header.
    """

    status: int
    message: str = "scripted"
    retry_after: str = ""


Fault = HttpFault | Mishap
THROTTLED = HttpFault(429, "Too many requests", "0")
CONFLICT = HttpFault(409, "Cannot do that while the instance is in task_state building")
SERVER_ERROR = HttpFault(500, "Unexpected API Error")
UNAVAILABLE = HttpFault(503, "The service is unavailable")
QUOTA = HttpFault(403, "Quota exceeded for instances: Requested 1, but already used 5 of 5")
ANY_CALL: tuple[Fault, ...] = (
    THROTTLED, CONFLICT, SERVER_ERROR, UNAVAILABLE, Mishap.LOST_ANSWER, Mishap.LOST_REQUEST,
)  # fmt: skip


@dataclass
class StubFaults:
    """Decides which call goes wrong.

    Parameters
    ----------
    chance
        Of random faults.
    rate
        Share of the calls to Nova that go wrong by chance.
    is_out
        Whether Nova answers 503 to everything.
    """

    chance: random.Random = field(default_factory=lambda: random.Random(1))
    rate: float = 0.0
    is_out: bool = False
    injected: Counter[str] = field(default_factory=Counter)
    scripts: list[tuple[str, str, Fault]] = field(default_factory=list)

    def script(self, method: str, path_part: str, *faults: Fault) -> None:
        """Let the next calls of a method to paths with this part go wrong, in this order."""
        self.scripts += [(method, path_part, fault) for fault in faults]

    def draw(self, method: str, path: str) -> Fault | None:
        """Return what goes wrong with a call."""
        fault = self._next(method, path)
        if fault is not None:
            self.injected[str(getattr(fault, "status", fault))] += 1
        return fault

    def _next(self, method: str, path: str) -> Fault | None:
        for number, (wanted, part, fault) in enumerate(self.scripts):
            if wanted == method and part in path:
                del self.scripts[number]
                return fault
        if "/compute/" not in path or path.endswith("/v2.1/"):
            return None
        if self.is_out:
            return UNAVAILABLE
        if self.chance.random() >= self.rate:
            return None
        creates = method == "POST" and path.endswith("/servers")
        return self.chance.choice((*ANY_CALL, QUOTA) if creates else ANY_CALL)
