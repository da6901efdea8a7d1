"""Silences as judged points: sources and partitions of telemetry that are missed."""

from collections.abc import Sequence

from streams.models.anomaly import Observation
from streams.models.anomaly.silence import Silent
from streams.pipeline.judged import judged
from streams.pipeline.outputs import Output, output_id

# A limit passed is a warning; the incident lasts as long as it is passed again and again.
SCORE = 0.8


def silence_outputs(
    stage: str, partition: int, place: int, now_ms: int, missed: Sequence[Silent]
) -> list[Output]:
    """Return who is missed as judged points.

    Parameters
    ----------
    stage, partition, place
        Where it was found: part of the points' ids.
    now_ms
        The broker's time.
    missed
        Who is missed, and for how long.

    Examples
    --------
    >>> outputs = silence_outputs("ticks", 0, 7, 900_000, [Silent("desk-17", 700_000, 600_000)])
    >>> outputs[0].record.what
    'nothing heard of desk-17 for 12 minutes'
    """
    outputs: list[Output] = []
    for number, silent in enumerate(missed):
        seen = Observation(
            kind="silence", time_s=now_ms / 1000, score=SCORE, observed=silent.silent_ms / 1000,
            expected_low=0.0, expected_high=silent.limit_ms / 1000,
            what=f"nothing heard of {silent.source} for {silent.silent_ms / 60_000:.0f} minutes",
        )  # fmt: skip
        name = output_id(stage, partition, place, number)
        outputs += judged(name, f"telemetry/{silent.source}", seen)
    return outputs
