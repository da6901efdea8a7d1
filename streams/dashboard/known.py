"""What the page knows: what was said last on each topic, in bounded memory."""

import threading
from collections import defaultdict
from typing import Any

import msgspec

from schemas.records import (
    AllocationEvent,
    AnomalyAlert,
    DemandForecast,
    DemandObserved,
    ProgramPrediction,
    ReserveAction,
    ReserveStatus,
    ShadowEvent,
    Tick,
    UserProfile,
)
from streams.dashboard import decisions
from streams.dashboard.actuals import Actuals
from streams.dashboard.calibration import Calibration
from streams.dashboard.decisions import Decisions
from streams.dashboard.flows import Flows
from streams.dashboard.forecasts import Forecasts
from streams.dashboard.newest import Newest
from streams.dashboard.reserves import Reserves
from streams.dashboard.shadows import Shadows
from streams.pipeline.resources import RESOURCES

ALERTS_KEPT = 1_000
PROFILES_KEPT = 2_000
RECENT = 200
SOURCES_KEPT = 200
# Sources of made-up telemetry are named so; the page says that what it shows is synthetic.
SYNTHETIC = "synthetic-"


class Known:
    """Takes records, in the order of each partition; `lock` guards every look at it.

    Parameters
    ----------
    partitions
        Partitions of the topics keyed by user.
    """

    def __init__(self, partitions: int) -> None:
        self.lock = threading.Lock()
        self.version = 0
        self.counts: dict[str, int] = defaultdict(int)
        self.reserves = Reserves()
        self.forecasts = Forecasts()
        self.actuals = Actuals(partitions)
        self.calibration = Calibration()
        self.flows = Flows()
        self.decisions = Decisions()
        self.shadows = Shadows()
        self.alerts = Newest[str, AnomalyAlert](ALERTS_KEPT)
        self.profiles = Newest[str, UserProfile](PROFILES_KEPT)
        self.allocations = Newest[str, AllocationEvent](RECENT)
        self.predictions = Newest[str, ProgramPrediction](RECENT)
        self.sources = Newest[str, int](SOURCES_KEPT)

    def take(self, record: msgspec.Struct) -> None:
        """Keep a record."""
        with self.lock:
            self.version += 1
            _KEEPERS[type(record)](self, record)

    def forget(self, user: str) -> None:
        """Keep nothing more of a user, whose profile was deleted."""
        with self.lock:
            self.version += 1
            self.profiles.drop(user)
            self.flows.forget(user)
            self.predictions.drop_where(lambda p: p.user == user)
            self.allocations.drop_where(lambda e: e.user == user)
            self.decisions.forget(user)
            self.shadows.forget(user)

    def synthetic(self) -> list[str]:
        """Return the sources of synthetic telemetry that were seen."""
        return sorted(source for source in self.sources if source.startswith(SYNTHETIC))

    def _forecast(self, record: DemandForecast) -> None:
        self.forecasts.take(record)
        judged = self.calibration.forecast(record)
        if judged is not None:
            track, time_ms = judged
            unit = "minute" if record.horizon == "HOUR" else "hour"
            for time, value in self.actuals.series(record.pool, record.resource, unit):
                if time == time_ms:  # it came before its forecast was read
                    track.came(time, value)

    def _demand(self, record: DemandObserved) -> None:
        for unit, time_ms, row in self.actuals.take(record):
            for resource, value in zip(RESOURCES, row, strict=True):
                self.calibration.came(record.pool, resource, unit, time_ms, value)

    def _reserve(self, record: ReserveStatus) -> None:
        if self.reserves.take(record):
            self.decisions.add(decisions.of_target(record))

    def _allocation(self, record: AllocationEvent) -> None:
        self.allocations.put(record.event_id, record)
        self.decisions.add(decisions.of_event(record))

    def _action(self, record: ReserveAction) -> None:
        self.decisions.add(decisions.of_action(record))

    def _shadow(self, record: ShadowEvent) -> None:
        self.shadows.take(record)
        self.decisions.add(decisions.of_shadow(record))

    def _alert(self, record: AnomalyAlert) -> None:
        self.alerts.put(record.incident_id, record)

    def _prediction(self, record: ProgramPrediction) -> None:
        if self.flows.take(record):
            self.predictions.put(record.prediction_id, record)

    def _profile(self, record: UserProfile) -> None:
        self.profiles.put(record.user, record)

    def _tick(self, record: Tick) -> None:
        self.sources.put(record.source, record.time)


_KEEPERS: dict[type, Any] = {
    DemandForecast: Known._forecast, ReserveStatus: Known._reserve,  # noqa: SLF001
    AllocationEvent: Known._allocation, ReserveAction: Known._action,  # noqa: SLF001
    AnomalyAlert: Known._alert, ProgramPrediction: Known._prediction,  # noqa: SLF001
    UserProfile: Known._profile, DemandObserved: Known._demand,  # noqa: SLF001
    ShadowEvent: Known._shadow, Tick: Known._tick,  # noqa: SLF001
}  # fmt: skip
