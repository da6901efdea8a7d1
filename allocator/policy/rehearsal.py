"""Plays a few minutes through a policy, so that nothing is compiled while people wait."""

from allocator.policy.knobs import ReserveKnobs
from allocator.policy.position import Position
from allocator.policy.reserve import ReservePolicy

_MINUTES = 10
_MINUTE_S = 60.0


def rehearse() -> None:
    """Run everything that a pool's policy runs, once, on made-up requests.

    On the first start on a machine the kernels are compiled by it, for up to a minute; afterwards
    they come from the disk. Left to the first minute of an allocator at work, that minute's
    requests would wait for the compiler.

    Examples
    --------
    >>> rehearse()
    """
    policy = ReservePolicy(ReserveKnobs())
    for minute in range(_MINUTES):
        at_s = minute * _MINUTE_S
        policy.tick(at_s)
        policy.observed_lead(_MINUTE_S)
        policy.observed_forecast(at_s, 1.0, 2.0)
        policy.observed_intents(at_s, [0.5])
        policy.requested(at_s, "somebody", "something", hit=bool(minute % 2))
        policy.target(at_s, Position(ready=1, building=0, terminable=1))
        policy.need(1)
