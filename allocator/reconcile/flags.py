"""Flags of a wrong-sized pool: raised when something stays wrong, told as one incident each."""

import json
from collections.abc import Mapping

from allocator.machine.ledger import PoolLedger
from allocator.machine.outbox import Outbox
from schemas.records import AnomalyAlert

KIND = "reserve"
RAISED_AFTER_MS = 30 * 60_000
LOWERED_AFTER_MS = 60 * 60_000

Wrong = Mapping[str, tuple[str, float, float, float]]


class Flags:
    """What is wrong with a pool's size, since when; kept with the ledger.

    Nothing is told that lasts less than half an hour, nor ended before an hour of peace: a size
    at its limit would else raise and lower its flag all day.

    Parameters
    ----------
    pool, ledger
        The pool's name and books.
    """

    def __init__(self, pool: str, ledger: PoolLedger) -> None:
        self._pool = pool
        self._ledger = ledger
        self._since_ms: dict[str, int] = {}
        self._seen_ms: dict[str, int] = {}

    @property
    def raised(self) -> list[str]:
        """What is told as wrong now."""
        return sorted(self._ledger.totals.flags)

    def update(self, wrong: Wrong, now_ms: int, outbox: Outbox) -> None:
        """Take in what is wrong at this minute; write the alerts that follow."""
        raised = self._ledger.totals.flags
        for name, told in wrong.items():
            self._seen_ms[name] = now_ms
            since_ms = self._since_ms.setdefault(name, now_ms)
            if name not in raised and now_ms - since_ms >= RAISED_AFTER_MS:
                raised[name] = since_ms
                self._ledger.totals_changed = True
                outbox.alerts.append(self._alert(name, since_ms, told, None))
        for name in set(self._since_ms) - set(wrong) - set(raised):
            del self._since_ms[name]
        for name, since_ms in list(raised.items()):
            quiet_ms = now_ms - self._seen_ms.setdefault(name, now_ms)
            if name not in wrong and quiet_ms >= LOWERED_AFTER_MS:
                del raised[name]
                self._since_ms.pop(name, None)
                self._ledger.totals_changed = True
                told = ("as it should be again", 0.0, 0.0, 0.0)
                outbox.alerts.append(self._alert(name, since_ms, told, now_ms))

    def _alert(
        self, name: str, since_ms: int, told: tuple[str, float, float, float], ended_ms: int | None
    ) -> AnomalyAlert:
        subject = f"{self._pool}/RESERVE"
        incident = f"{subject}/{name}@{since_ms}"
        what, observed, low, high = told
        change = "opened" if ended_ms is None else "closed"
        return AnomalyAlert(
            alert_id=f"{incident}/{change}", incident_id=incident, subject=subject, kind=KIND,
            severity="WARNING", started_at=since_ms, ended_at=ended_ms, observed=observed,
            expected_low=low, expected_high=high,
            evidence=json.dumps({"change": change, "what": f"{name}: {what}"}),
        )  # fmt: skip
