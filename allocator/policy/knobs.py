"""What an operator sets on a pool's warm reserve."""

from dataclasses import dataclass

_HOUR_S = 3600.0
_QUIET_HOURS_FROM = 0.98


@dataclass(frozen=True, slots=True)
class ReserveKnobs:
    """The operator's side of the reserve: what is promised and what may be spent.

    Parameters
    ----------
    target_hit_rate
        Share of requests that shall find a warm instance, in (0, 1). A fill rate (mean over
        requests), not a cycle level (mean over time).
    miss_cost, idle_cost_per_hour
        The newsvendor's two costs, in one currency. Where both are given they replace
        `target_hit_rate`: a unit is held while it is expected to save more than it costs.
    lead_time_s
        Seconds from launch to ready, until measured times replace it (`observed_lead`).
    min_size, max_size
        Bounds of the target, in instances (ready and building).
    cap
        Hard limit of unassigned instances, whatever the target says (quota and capacity).
    min_life_s
        A launched instance lives at least this long once ready, in seconds.
    keep_share
        A ready unit is given up where it is worth less than this share of the price: hysteresis
        between launching and terminating.
    max_launch_ratio
        Launches per request that termination and relaunch may add up to.
    quiet_hours
        Whether hours of the day that one crowd could break get a standing floor (see `hours`);
        None where that is cheap, for promises from 98 % on.
    observe_only
        Decide and tell, but ask for no launch or termination.

    Examples
    --------
    >>> ReserveKnobs(target_hit_rate=0.95, max_size=20).cap
    100000
    """

    target_hit_rate: float = 0.99
    miss_cost: float | None = None
    idle_cost_per_hour: float | None = None
    lead_time_s: float = 90.0
    min_size: int = 0
    max_size: int = 100_000
    cap: int = 100_000
    min_life_s: float = 60.0
    keep_share: float = 0.35
    max_launch_ratio: float = 1.4
    quiet_hours: bool | None = None
    observe_only: bool = False

    def __post_init__(self) -> None:
        if not 0.0 < self.target_hit_rate < 1.0:
            raise ValueError(f"target_hit_rate {self.target_hit_rate} is not between 0 and 1")
        if not 1.0 <= self.lead_time_s <= _HOUR_S:
            raise ValueError(f"lead_time_s {self.lead_time_s} is not between 1 and 3600")
        if not 0 <= self.min_size <= self.max_size:
            raise ValueError(f"min_size {self.min_size} and max_size {self.max_size} don't agree")
        if self.cap < 0:
            raise ValueError("cap can't be negative")
        if (self.miss_cost is None) != (self.idle_cost_per_hour is None):
            raise ValueError("give miss_cost and idle_cost_per_hour together or neither")

    @property
    def keeps_quiet_hours(self) -> bool:
        """Whether quiet hours get a standing floor."""
        if self.quiet_hours is None:
            return self.target_hit_rate >= _QUIET_HOURS_FROM
        return self.quiet_hours

    @property
    def price_hits_per_s(self) -> float | None:
        """Newsvendor price: hits a unit must earn per second held, or None when not given."""
        if self.miss_cost is None or self.idle_cost_per_hour is None:
            return None
        return self.idle_cost_per_hour / _HOUR_S / self.miss_cost
