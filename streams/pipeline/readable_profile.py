"""Writes a user's state as the record that people and other programs read."""

from schemas.records import ProgramUse, Sequence, UserProfile
from streams.models.dataaccess import data_text
from streams.models.programs import sequences
from streams.pipeline.activity import Ways
from streams.pipeline.learned import Learned
from streams.pipeline.user import User, program_number

PROGRAMS_SHOWN = 12
SEQUENCES_SHOWN = 12


def readable_profile(
    name: str, user: User, learned: Learned, now_ms: int, ways: Ways
) -> UserProfile:
    """Return the profile of a user as of a moment."""
    now_s = now_ms / 1000
    sensitivity = user.sensitivity.estimate(None, ways.normal)
    return UserProfile(
        user=name,
        updated_at=now_ms,
        launches=user.launches,
        zone=str(ways.zone),
        week_rates=user.cycles.week_rates(learned.rates, now_s, ways.zone),
        programs=_programs(user, learned),
        sequences=_sequences(user),
        sensitivity=sensitivity.value,
        sensitivity_low=sensitivity.low,
        sensitivity_high=sensitivity.high,
        presence_24h=user.cycles.presence(now_s, ways.zone, learned.rates),
        next_session_length_s=user.session_length.expected_s(now_s, ways.zone),
    )


def _programs(user: User, learned: Learned) -> list[ProgramUse]:
    counts = user.programs.launches()
    total = sum(counts.values())
    shown = sorted(counts, key=lambda name: (-counts[name], name))[:PROGRAMS_SHOWN]
    return [_program(user, name, counts[name], total, learned) for name in shown]


def _program(user: User, name: str, count: float, total: float, learned: Learned) -> ProgramUse:
    number = program_number(name)

    def quantile(resource: str, q: float) -> float | None:
        return user.consumption.quantile(number, resource, q, learned.consumption)

    def whole(resource: str, q: float) -> float | None:
        value = quantile(resource, q)
        return None if value is None else float(round(value))

    return ProgramUse(
        program=name,
        launches=round(count),
        share=count / total if total else 0.0,
        cpu_cores_p50=quantile("cpu_cores", 0.5),
        cpu_cores_p95=quantile("cpu_cores", 0.95),
        memory_bytes_p50=whole("memory_bytes", 0.5),
        memory_bytes_p95=whole("memory_bytes", 0.95),
        storage_bytes_p95=whole("storage_bytes", 0.95),
        network_bytes_per_s_p95=quantile("network_bytes_per_s", 0.95),
        duration_s_p50=quantile("duration_s", 0.5),
        data_refs=[data_text(ref) for ref, _ in user.data.refs(number)],
    )


def _sequences(user: User) -> list[Sequence]:
    return [
        Sequence(
            first=rule.first,
            then=rule.then,
            window_s=round(rule.window_s),
            probability=rule.probability,
            low=rule.low,
            high=rule.high,
            support=rule.support,
        )
        for rule in sequences(user.programs)[:SEQUENCES_SHOWN]
    ]
