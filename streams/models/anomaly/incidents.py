"""The incidents of many subjects under one alert budget."""

import math
from dataclasses import dataclass, field
from typing import Self

import msgspec

from schemas.records import AlertFeedback, AnomalyAlert
from streams.models.anomaly.budget import Budget
from streams.models.anomaly.incident import (
    Subject,
    expire,
    incident_id,
    judged,
    observe,
)
from streams.models.anomaly.observation import Observation

VERSION = 1
MOST_SUBJECTS = 4096


class _Wire(msgspec.Struct, array_like=True):
    version: int
    bar: float
    bar_at_s: float
    spent: tuple[tuple[int, int], ...]
    subjects: dict[str, Subject]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Wire)


@dataclass(slots=True)
class Incidents:
    """Groups observations into incidents and emits one alert for each, within a budget.

    Parameters
    ----------
    budget
        Alerts a day over all subjects, and what was spent of it.
    subjects
        State of each subject that has or had an incident. Of more than 4,096, those without an
        open incident are forgotten, the least recently changed first.

    Examples
    --------
    >>> incidents = Incidents(Budget(per_day=1.0))
    >>> point = Observation(kind="demand", time_s=60.0, score=0.9, observed=90.0,
    ...                     expected_low=10.0, expected_high=30.0, what="demand of gpu")
    >>> [alert.severity for alert in incidents.observe("gpu", point)]
    ['WARNING']
    >>> [alert.ended_at for alert in incidents.tick(7200.0)]
    [60000]
    """

    budget: Budget = field(default_factory=Budget)
    subjects: dict[str, Subject] = field(default_factory=dict)

    def observe(self, name: str, seen: Observation) -> list[AnomalyAlert]:
        """Take a judged point of a subject; return the alerts to emit, in order."""
        before = self.subjects.get(name, Subject())
        subject, self.budget, alerts = observe(name, before, self.budget, seen)
        self._keep(name, before, subject)
        return alerts

    def tick(self, time_s: float) -> list[AnomalyAlert]:
        """Close the incidents that are quiet by an event time."""
        alerts: list[AnomalyAlert] = []
        for name, before in list(self.subjects.items()):
            subject, closed = expire(name, before, time_s)
            self._keep(name, before, subject)
            alerts += closed
        return alerts

    def feedback(self, said: AlertFeedback) -> None:
        """Learn what a person says of an incident; of one that is long gone, nothing."""
        subject = self.subjects.get(said.subject)
        if subject is None:
            return
        for incident in (subject.current, subject.last):
            if incident and incident_id(said.subject, incident.started_s) == said.incident_id:
                after = judged(subject, incident.started_s, said.verdict, said.time / 1000.0)
                self._keep(said.subject, subject, after)
                return

    def forget(self, name: str) -> None:
        """Drop all that is kept of a subject; what it spent of the budget stays spent."""
        self.subjects.pop(name, None)

    def _keep(self, name: str, before: Subject, after: Subject) -> None:
        if after is before:
            return
        self.subjects.pop(name, None)
        self.subjects[name] = after
        if len(self.subjects) > MOST_SUBJECTS:
            quiet = (n for n, s in self.subjects.items() if s.current is None)
            self.subjects.pop(next(quiet, next(iter(self.subjects))))

    def to_bytes(self) -> bytes:
        """State as bytes; the budget's size is configuration and not among them."""
        kept = self.budget
        wire = _Wire(VERSION, kept.bar, kept.bar_at_s, kept.spent, self.subjects)
        return _encoder.encode(wire)

    @classmethod
    def from_bytes(cls, blob: bytes, per_day: float = 1.0) -> Self:
        """Restore with a budget; ValueError if the bytes are none of this version."""
        try:
            wire = _decoder.decode(blob)
        except msgspec.MsgspecError as error:
            raise ValueError(f"no state of incidents: {error}") from error
        if wire.version != VERSION:
            raise ValueError(f"incidents of version {wire.version}, this is {VERSION}")
        if len(wire.subjects) > MOST_SUBJECTS:
            raise ValueError(f"incidents of more than {MOST_SUBJECTS} subjects")
        if not all(map(math.isfinite, (wire.bar, wire.bar_at_s))):
            raise ValueError("what was spent of a budget is stated in finite numbers")
        return cls(Budget(per_day, wire.bar, wire.bar_at_s, wire.spent), wire.subjects)
