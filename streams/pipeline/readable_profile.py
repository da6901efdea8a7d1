"""Writes a user's state as the record that people and other programs read."""

from schemas.records import Sequence, UserProfile
from streams.models.programs import sequences
from streams.pipeline.activity import Ways
from streams.pipeline.learned import Learned
from streams.pipeline.program_use import program_uses
from streams.pipeline.user import User

SEQUENCES_SHOWN = 12


def readable_profile(
    name: str, user: User, learned: Learned, now_ms: int, ways: Ways
) -> UserProfile:
    """Return the profile of a user as of a moment."""
    now_s = now_ms / 1000
    normal = ways.normal.counted(learned.waits)
    sensitivity = user.sensitivity.estimate(None, normal)
    return UserProfile(
        user=name,
        updated_at=now_ms,
        launches=user.launches,
        zone=str(ways.zone),
        week_rates=user.cycles.week_rates(learned.rates, now_s, ways.zone),
        programs=program_uses(user, learned, normal),
        sequences=_sequences(user),
        sensitivity=sensitivity.value,
        sensitivity_low=sensitivity.low,
        sensitivity_high=sensitivity.high,
        presence_24h=user.cycles.presence(now_s, ways.zone, learned.rates),
        next_session_length_s=user.session_length.expected_s(now_s, ways.zone),
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
