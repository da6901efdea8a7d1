"""Writes how a user uses each program: how often, what it takes, what waiting for it costs."""

from schemas.records import ProgramUse
from streams.models.consumption import RESOURCES
from streams.models.dataaccess import data_text
from streams.models.sensitivity import Normal
from streams.pipeline.learned import Learned
from streams.pipeline.prediction_record import touches
from streams.pipeline.user import User, program_number

PROGRAMS_SHOWN = 12


def program_uses(user: User, learned: Learned, normal: Normal) -> list[ProgramUse]:
    """Return the user's programs, the most launched of the kept history first.

    Quantiles of consumption are shrunk to all users' (they count as ten samples), sensitivity to
    waiting is shrunk to the user's own.
    """
    counts = user.programs.launches()
    total = sum(counts.values())
    shown = sorted(counts, key=lambda name: (-counts[name], name))[:PROGRAMS_SHOWN]
    return [_use(user, name, counts[name], counts[name] / total, learned, normal) for name in shown]


def _use(
    user: User, name: str, launches: int, share: float, learned: Learned, normal: Normal
) -> ProgramUse:
    number = program_number(name)
    cost = user.sensitivity.estimate(number, normal)
    return ProgramUse(
        program=name,
        launches=launches,
        share=share,
        **_quantiles(user, number, learned),
        data_refs=[data_text(ref) for ref, _ in user.data.refs(number)],
        sensitivity=cost.value,
        sensitivity_low=cost.low,
        sensitivity_high=cost.high,
        data=touches(user.data, number),
    )


def _quantiles(user: User, program: int, learned: Learned) -> dict[str, float | None]:
    """Return the median and the 0.95 quantile of each resource, by the record's names."""
    found: dict[str, float | None] = {}
    for resource in RESOURCES:
        values = user.consumption.quantiles(program, resource, (0.5, 0.95), learned.consumption)
        found[f"{resource}_p50"], found[f"{resource}_p95"] = values
    return found
