"""Writes a prediction as the record on predictions.programs, with the data that will be touched."""

from collections.abc import Callable

from schemas.records import Candidate, DataTouch, ProgramPrediction
from streams.models.dataaccess import DataAccess, data_text
from streams.models.programs import MODEL, Prediction
from streams.pipeline.user import program_number

# A reference that fewer of a program's runs touch is not worth bringing near.
LEAST_TOUCH = 0.2
# Of the next launch over all candidates: four programs' worth.
MOST_TOUCHES = 16


def prediction_record(
    prediction: Prediction, data: DataAccess, *, output_id: str, user: str, after_program: str,
    made_at_ms: int, pool_of: Callable[[str], str], sensitivity: float | None = None,
) -> ProgramPrediction:  # fmt: skip
    """Return the record of a prediction.

    Parameters
    ----------
    prediction
        The candidates.
    data
        What runs of the user's programs touch.
    output_id, user, after_program, made_at_ms
        The record's id, whose it is, and the launch that it follows with its event time.
    pool_of
        Gives the pool of a program.
    sensitivity
        What the user's waited minute costs, a normal user's being 1.
    """
    candidates = prediction.candidates
    numbers = [program_number(c.program) for c in candidates]
    known = not data.is_empty
    return ProgramPrediction(
        prediction_id=output_id,
        user=user,
        after_program=after_program,
        made_at=made_at_ms,
        candidates=[
            Candidate(
                program=c.program, p_next=c.p_next, p_1m=c.p_1m, p_5m=c.p_5m, p_15m=c.p_15m,
                p_60m=c.p_60m, expected_s=c.expected_s,
                data_refs=[t.data_ref for t in touches(data, number)] if known else [],
            )
            for c, number in zip(candidates, numbers, strict=True)
        ],
        model=MODEL,
        pool=pool_of(candidates[0].program) if candidates else None,
        sensitivity=sensitivity,
        data=next_touches(data, [(n, c.p_next) for c, n in zip(candidates, numbers, strict=True)])
        if known
        else [],
    )  # fmt: skip


def touches(data: DataAccess, program: int) -> list[DataTouch]:
    """Return the data that a program's next run is likely to touch, the likeliest first."""
    return [DataTouch(data_ref=data_text(r), p=p) for r, p in data.refs(program) if p > LEAST_TOUCH]


def next_touches(data: DataAccess, candidates: list[tuple[int, float]]) -> list[DataTouch]:
    """Return the data that the next launch is likely to touch, over candidates (number, p)."""
    found = [(ref, p) for ref, p in data.predict(candidates) if p > LEAST_TOUCH]
    return [DataTouch(data_ref=data_text(ref), p=p) for ref, p in found[:MOST_TOUCHES]]
