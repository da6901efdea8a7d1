"""The desk of incidents: all judged points and all opinions on them meet here, under one budget.

One partition, one state: what is one incident, whether the day's budget allows an alert, and what
people said of the like are decided in one place. Points come at least once and in order from each
source, so the place of the last one applied per source and kind tells a repeat.
"""

import math

import msgspec

from schemas.names import MAX_NAME_CHARS
from schemas.records import AlertFeedback, AnomalyAlert, AnomalyObservation
from schemas.topics import ALERTS_ANOMALIES
from streams.models.anomaly import Budget, Incidents, Observation
from streams.pipeline.judged import CLOCK, FORGOTTEN
from streams.pipeline.outputs import Output, place_of
from streams.pipeline.state_version import decoded

VERSION = 1
# Sources are partitions and pools, times five kinds; more are an attack on the state.
MOST_SOURCES = 8192
# Ids, subjects and what is told each have a name in them, and some words.
MOST_CHARS = 2 * MAX_NAME_CHARS


class _Wire(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    version: int
    incidents: bytes
    applied: dict[str, tuple[int, int]]
    marks: dict[str, int]
    feedback_offset: int


_decoder = msgspec.msgpack.Decoder(_Wire)


class AlertDesk:
    """Makes incidents of judged points.

    Parameters
    ----------
    per_day
        Alert budget over everything, in alerts a day.
    incidents
        Saved incidents; none at first.

    Examples
    --------
    >>> desk = AlertDesk(per_day=1.0)
    >>> point = AnomalyObservation(
    ...     observation_id="profile-0-7-1", subject="user/ada", kind="surprise", time=60_000,
    ...     score=0.9, observed=12.0, expected_low=0.0, expected_high=7.0, what="first matlab",
    ... )
    >>> [output.record.severity for output in desk.observe(point)], desk.observe(point)
    (['WARNING'], [])
    """

    def __init__(self, per_day: float, incidents: Incidents | None = None) -> None:
        self._incidents = incidents or Incidents(Budget(per_day=per_day))
        self._applied: dict[str, tuple[int, int]] = {}
        self._marks: dict[str, int] = {}
        self._feedback_offset = -1

    def observe(self, point: AnomalyObservation) -> list[Output]:
        """Take a judged point; a repeat gives nothing.

        Raises
        ------
        ValueError
            If the point makes no sense, so that it never enters the state.
        """
        _check(point)
        source, place = place_of(point.observation_id)
        key = f"{source}/{point.kind}"
        if place <= self._applied.get(key, (-1, -1)):
            return []
        self._note(key, place)
        if point.kind == CLOCK:
            return self._mark(source, point.time)
        if point.kind == FORGOTTEN:
            self._incidents.forget(point.subject)
            return []
        seen = Observation(
            kind=point.kind, time_s=point.time / 1000, score=point.score, observed=point.observed,
            expected_low=point.expected_low, expected_high=point.expected_high,
            p_value=point.p_value, what=point.what,
        )  # fmt: skip
        return [_output(alert) for alert in self._incidents.observe(point.subject, seen)]

    def feedback(self, said: AlertFeedback, offset: int) -> bool:
        """Learn what a person says, once; a repeat of the message gives False."""
        if offset <= self._feedback_offset:
            return False
        self._feedback_offset = offset
        self._incidents.feedback(said)
        return True

    def _mark(self, source: str, time_ms: int) -> list[Output]:
        """Close what went quiet by the time that every pool has come to."""
        self._marks.pop(source, None)
        self._marks[source] = time_ms
        if len(self._marks) > MOST_SOURCES:
            del self._marks[next(iter(self._marks))]
        quiet_s = min(self._marks.values()) / 1000
        return [_output(alert) for alert in self._incidents.tick(quiet_s)]

    def _note(self, key: str, place: tuple[int, int]) -> None:
        self._applied.pop(key, None)
        self._applied[key] = place
        if len(self._applied) > MOST_SOURCES:
            del self._applied[next(iter(self._applied))]

    def to_bytes(self) -> bytes:
        """Return the state as versioned bytes."""
        wire = _Wire(
            VERSION, self._incidents.to_bytes(), self._applied, self._marks, self._feedback_offset
        )
        return msgspec.msgpack.encode(wire)

    @classmethod
    def from_bytes(cls, data: bytes, per_day: float) -> "AlertDesk":
        """Return the desk; raises ValueError for bytes that are none."""
        wire = decoded(_decoder, data, "state of the desk", VERSION)
        desk = cls(per_day, Incidents.from_bytes(wire.incidents, per_day))
        desk._applied, desk._marks = wire.applied, wire.marks
        desk._feedback_offset = wire.feedback_offset
        return desk


def _check(point: AnomalyObservation) -> None:
    subject = "" if point.kind == FORGOTTEN else point.subject  # who is in the state may go
    names = (point.observation_id, subject, point.kind, point.what)
    if max(map(len, names)) > MOST_CHARS:
        raise ValueError(f"a judged point with a text of over {MOST_CHARS} characters")
    numbers = (point.score, point.observed, point.expected_low, point.expected_high)
    if not all(map(math.isfinite, numbers)) or not 0.0 <= point.score <= 1.0:
        raise ValueError("a judged point states finite numbers, its score within 0 and 1")


def _output(alert: AnomalyAlert) -> Output:
    return Output(ALERTS_ANOMALIES, alert.subject, alert)
