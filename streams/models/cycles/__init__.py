"""Daily and weekly cycles, sessions and presence of users, in local time."""

from streams.models.cycles.cycles import Cycles
from streams.models.cycles.sessions import ClosedSession
from streams.models.cycles.week_counts import WeekCounts
from streams.models.cycles.week_rates import WeekRates

__all__ = ["ClosedSession", "Cycles", "WeekCounts", "WeekRates"]
