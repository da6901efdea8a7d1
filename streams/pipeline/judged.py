"""Judged points as records: what the detectors of all stages send to the desk of incidents."""

from schemas.records import AnomalyObservation
from schemas.topics import ANOMALIES_OBSERVED
from streams.models.anomaly import Observation
from streams.models.anomaly.incident import LASTS_FROM
from streams.pipeline.outputs import Output

CLOCK = "clock"
FORGOTTEN = "forgotten"


def judged(observation_id: str, subject: str, seen: Observation) -> list[Output]:
    """Return a judged point as a record, or nothing where it can neither open nor keep an incident.

    Of launches with nothing unusual about them 7 % are sent.

    Examples
    --------
    >>> from streams.pipeline.outputs import output_id
    >>> seen = Observation(
    ...     kind="demand", time_s=60.0, score=0.2, observed=9.0, expected_low=1.0, expected_high=9.0
    ... )
    >>> judged(output_id("pool", 0, 60), "pool/gpu", seen)
    []
    """
    if seen.strength < LASTS_FROM:
        return []
    record = AnomalyObservation(
        observation_id=observation_id, subject=subject, kind=seen.kind,
        time=round(seen.time_s * 1000), score=seen.score, observed=seen.observed,
        expected_low=seen.expected_low, expected_high=seen.expected_high,
        p_value=seen.p_value, what=seen.what,
    )  # fmt: skip
    return [Output(ANOMALIES_OBSERVED, subject, record)]


def erasure_mark(observation_id: str, subject: str) -> Output:
    """Return a mark after which the desk knows nothing of a subject."""
    record = AnomalyObservation(
        observation_id=observation_id, subject=subject, kind=FORGOTTEN, time=0, score=0.0,
        observed=0.0, expected_low=0.0, expected_high=0.0, what="the subject is forgotten",
    )  # fmt: skip
    return Output(ANOMALIES_OBSERVED, subject, record)


def clock_mark(observation_id: str, subject: str, time_ms: int) -> Output:
    """Return a mark of time, by which incidents that went quiet are closed."""
    record = AnomalyObservation(
        observation_id=observation_id, subject=subject, kind=CLOCK, time=time_ms, score=0.0,
        observed=0.0, expected_low=0.0, expected_high=0.0, what="an hour is over",
    )  # fmt: skip
    return Output(ANOMALIES_OBSERVED, subject, record)
