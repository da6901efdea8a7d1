"""Writes a user's state as the record that people and other programs read."""

from schemas.records import Sequence, Transition, UserProfile
from streams.models.cycles.session_starts import first_start
from streams.models.programs import sequences
from streams.models.timing import transitions
from streams.pipeline.activity import Ways
from streams.pipeline.eventtime import HOUR_MS
from streams.pipeline.learned import Learned
from streams.pipeline.program_use import program_uses
from streams.pipeline.user import User, program_number

SEQUENCES_SHOWN = 12


def readable_profile(
    name: str, user: User, learned: Learned, now_ms: int, ways: Ways
) -> UserProfile:
    """Return the profile of a user as of a moment."""
    now_s, zone = now_ms / 1000, ways.zone_of(user)
    presence, turns_up = user.cycles.day_ahead(now_s, zone, learned.rates)
    starts = user.session_starts.expected(now_s, zone, turns_up)
    first = first_start(starts)
    normal = ways.normal.counted(learned.waits)
    sensitivity = user.sensitivity.estimate(None, normal)
    return UserProfile(
        user=name,
        updated_at=now_ms,
        launches=user.launches,
        zone=str(zone),
        week_rates=user.cycles.week_rates(learned.rates, now_s, zone),
        programs=program_uses(user, learned, normal),
        sequences=_sequences(user),
        sensitivity=sensitivity.value,
        sensitivity_low=sensitivity.low,
        sensitivity_high=sensitivity.high,
        presence_24h=presence,
        next_session_length_s=user.session_length.expected_s(now_s, zone),
        transitions=_transitions(user, learned),
        session_starts_24h=starts,
        next_session_at=None if first is None else now_ms + round(first * HOUR_MS),
    )


def _transitions(user: User, learned: Learned) -> list[Transition]:
    return [
        Transition(
            first=g.first, then=g.then, count=g.count, share=g.share, gap_s_p10=g.p10_s,
            gap_s_p50=g.p50_s, gap_s_p90=g.p90_s, gap_shares=list(g.shares),
        )
        for g in transitions(user.programs, learned.gaps, program_number)
    ]  # fmt: skip


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
