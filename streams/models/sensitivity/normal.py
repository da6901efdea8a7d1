"""The normal user: what an operator expects of people who wait."""

from dataclasses import dataclass, replace

from streams.models.sensitivity.wait_counts import WaitCounts

_PRIOR_EVENTS = 20.0  # what the operator's figures count for against a counted population


@dataclass(frozen=True, slots=True)
class Normal:
    """The operator's prior; a user of sensitivity 2 does all of this twice as readily.

    Parameters
    ----------
    abandons_per_min, relaunches_per_min, cuts_per_min
        Hazards: how often a normal user gives up, launches the program again, or ends the session
        on account of a wait, per waited minute.
    relaunch_share, cut_share
        How often a program is launched again within two minutes, or a session ends within ten,
        without any wait.
    prior_events
        How many reactions the prior of a user's sensitivity counts for.

    Examples
    --------
    >>> counted = WaitCounts(waits=1000, waited_ms=60_000_000, abandons=300)
    >>> round(Normal().counted(counted).abandons_per_min, 2)
    0.27
    """

    abandons_per_min: float = 0.10
    relaunches_per_min: float = 0.05
    cuts_per_min: float = 0.05
    relaunch_share: float = 0.05
    cut_share: float = 0.10
    prior_events: float = 2.0

    def counted(self, counts: WaitCounts) -> "Normal":
        """Return these figures moved towards what a population was seen to do."""
        minutes, served_minutes = counts.waited_ms / 60_000.0, counts.served_ms / 60_000.0
        relaunch_share = _share(counts.control_relaunches, counts.controls, self.relaunch_share)
        cut_share = _share(counts.control_cuts, counts.controls, self.cut_share)
        relaunches = max(0.0, counts.relaunches - relaunch_share * counts.served)
        cuts = max(0.0, counts.cuts - cut_share * counts.served)
        return replace(
            self,
            abandons_per_min=_rate(counts.abandons, minutes, self.abandons_per_min),
            relaunches_per_min=_rate(relaunches, served_minutes, self.relaunches_per_min),
            cuts_per_min=_rate(cuts, served_minutes, self.cuts_per_min),
            relaunch_share=relaunch_share,
            cut_share=cut_share,
        )


def _share(events: float, trials: float, prior: float) -> float:
    return (events + _PRIOR_EVENTS * prior) / (trials + _PRIOR_EVENTS)


def _rate(events: float, minutes: float, prior_rate: float) -> float:
    """Gamma-Poisson mean of a rate whose prior counts so many events."""
    return (events + _PRIOR_EVENTS) / (minutes + _PRIOR_EVENTS / prior_rate)
