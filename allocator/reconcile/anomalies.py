"""Which anomalies of a pool are open: while one is, the reserve never goes below the floor."""

from allocator.reconcile.flags import KIND
from schemas.records import AnomalyAlert

FORGET_MS = 24 * 3_600_000


class Holds:
    """The open incidents of one pool.

    An incident whose end nobody told is forgotten after a day.

    Examples
    --------
    >>> holds = Holds("office")
    >>> flood = AnomalyAlert(
    ...     alert_id="a", incident_id="i", subject="office/INSTANCES", kind="demand",
    ...     severity="WARNING", started_at=0, observed=9.0, expected_low=0.0, expected_high=3.0,
    ...     evidence="{}",
    ... )
    >>> holds.alerted(flood, 0); holds.reason(60_000)
    'anomaly in office/INSTANCES'
    """

    def __init__(self, pool: str) -> None:
        self._pool = pool
        self._open: dict[str, tuple[str, int]] = {}

    def alerted(self, alert: AnomalyAlert, now_ms: int) -> None:
        """Take an alert in: opened, updated or ended."""
        # Our own flags are about the size that this decides: too large a pool needs no floor.
        if self._pool not in alert.subject.split("/") or alert.kind == KIND:
            return
        if alert.ended_at is None and now_ms - alert.started_at < FORGET_MS:
            self._open[alert.incident_id] = (alert.subject, now_ms)
        else:
            self._open.pop(alert.incident_id, None)

    def reason(self, now_ms: int) -> str:
        """Return why the floor is held; empty where nothing is open."""
        for incident, (_, since_ms) in list(self._open.items()):
            if now_ms - since_ms >= FORGET_MS:
                del self._open[incident]
        return next((f"anomaly in {subject}" for subject, _ in self._open.values()), "")
