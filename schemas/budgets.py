"""Budgets of a pool's reserve that hold at certain times: a cron expression and a duration."""

import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import croniter

_PART = re.compile(r"(\d+)([smhd])")
_UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class Budget:
    """Bounds that hold from each time a schedule fires, for a while.

    The form is that of Karpenter's disruption budgets: five cron fields and a duration.

    Parameters
    ----------
    schedule
        Cron expression; empty for always.
    duration
        Such as 8h or 1h30m; needed with a schedule.
    timezone
        IANA name that the schedule is in.
    min_instances, max_instances
        Bounds of the warm reserve meanwhile; None leaves the pool's own.
    instance_hours
        Most instance-hours of the reserve in one such stretch, or in a day (UTC) without a
        schedule.

    Raises
    ------
    ValueError
        If a part makes no sense.

    Examples
    --------
    >>> Budget("0 7 * * mon-fri", "10h", min_instances=4).duration_s
    36000
    """

    schedule: str = ""
    duration: str = ""
    timezone: str = "UTC"
    min_instances: int | None = None
    max_instances: int | None = None
    instance_hours: float | None = None

    def __post_init__(self) -> None:
        if bool(self.schedule) != bool(self.duration):
            raise ValueError("a budget has both a schedule and a duration, or neither")
        if self.schedule and (
            len(self.schedule.split()) != 5 or not croniter.is_valid(self.schedule)
        ):
            raise ValueError(f"{self.schedule!r} is no cron expression of five fields")
        if self.schedule and self.duration_s <= 0:
            raise ValueError("a duration has to be longer than nothing")
        bounds = (self.min_instances, self.max_instances, self.instance_hours)
        if all(bound is None for bound in bounds):
            raise ValueError("a budget needs min_instances, max_instances or instance_hours")
        if any(bound is not None and bound < 0 for bound in bounds):
            raise ValueError("a budget's bounds can't be negative")
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"no time zone {self.timezone!r}") from error

    @property
    def duration_s(self) -> int:
        """Seconds that it holds.

        Raises
        ------
        ValueError
            If the duration is none.
        """
        parts = _PART.findall(self.duration)
        if "".join(number + unit for number, unit in parts) != self.duration:
            raise ValueError(f"{self.duration!r} is no duration like 8h or 1h30m")
        return sum(int(number) * _UNITS_S[unit] for number, unit in parts)
