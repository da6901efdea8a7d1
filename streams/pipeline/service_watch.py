"""Watches how pools are served, from what the allocator says each minute: one judgement an hour."""

import msgspec

from schemas.records import ReserveStatus
from streams.models.anomaly import Observation
from streams.models.anomaly.service import Judged, ServiceDetector
from streams.pipeline.eventtime import HOUR_MS, hour_of
from streams.pipeline.judged import judged
from streams.pipeline.outputs import Output, output_id
from streams.pipeline.state_version import decoded

VERSION = 1


class _Wire(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    version: int
    hour: int
    hits: int
    misses: int
    detector: bytes


_decoder = msgspec.msgpack.Decoder(_Wire)


class ServiceWatch:
    """One pool: its counters when the hour began, and its detector.

    Parameters
    ----------
    pool
        Its name.
    saved
        Saved state; none at first.

    Raises
    ------
    OtherVersionError
        If another release wrote the state.
    ValueError
        If it is none.
    """

    def __init__(self, pool: str, saved: bytes = b"") -> None:
        self._pool = pool
        self._wire = _restored(saved) if saved else _Wire(VERSION, -1, 0, 0, b"")
        data = self._wire.detector
        self._detector = ServiceDetector.from_bytes(data) if data else ServiceDetector()

    def apply(self, status: ReserveStatus) -> list[Output]:
        """Take a status; the first of a new hour closes the one before. Older ones say nothing."""
        wire, hour = self._wire, hour_of(status.time)
        if hour <= wire.hour:
            return []
        hits, misses = status.hits - wire.hits, status.misses - wire.misses
        known = wire.hour >= 0 and min(hits, misses) >= 0  # less: the allocator began anew
        outputs = self._judge(status, hour, hits, misses) if known else []
        wire.hour, wire.hits, wire.misses = hour, status.hits, status.misses
        return outputs

    def save(self) -> bytes:
        """Return the state as bytes."""
        self._wire.detector = self._detector.to_bytes()
        return msgspec.msgpack.encode(self._wire)

    def _judge(self, status: ReserveStatus, hour: int, hits: int, misses: int) -> list[Output]:
        missed = self._detector.misses(hits + misses, misses, status.target_hit_rate)
        slow = self._detector.launch_time(status.lead_time_s)
        outputs: list[Output] = []
        if missed is not None:
            what = f"{misses} of {hits + misses} requests of pool {self._pool} missed the reserve"
            outputs += self._point("misses", hour, 0, missed, what)
        if slow is not None:
            what = f"launches of pool {self._pool} take {status.lead_time_s:.0f} s"
            outputs += self._point("launch-time", hour, 1, slow, what)
        return outputs

    def _point(self, kind: str, hour: int, number: int, found: Judged, what: str) -> list[Output]:
        seen = Observation(
            kind=kind, time_s=hour * HOUR_MS / 1000, score=found.judgement.score,
            observed=found.observed, expected_low=found.low, expected_high=found.high,
            p_value=found.judgement.p_value, what=what,
        )  # fmt: skip
        name = output_id(f"service/{self._pool}", 0, hour, number)
        return judged(name, f"{self._pool}/service", seen)


def _restored(saved: bytes) -> _Wire:
    return decoded(_decoder, saved, "state of a service watch", VERSION)
