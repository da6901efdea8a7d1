"""Tells dead hosts from a control plane that is out of breath."""

from collections.abc import Sequence

from allocator.machine.observed import CloudStatus, Observed

# Hosts die one by one. When most instances seem unreachable at once, it is the messages between
# the cloud's services that are late: on a machine under load, a lab's hosts were "down" for seconds
# at a time, and replacing what ran on them would have ended the whole reserve for nothing.
MOST_SHARE = 0.5


class Silence:
    """Remembers since when instances are unreachable; a kill forgets it, which only waits longer.

    Parameters
    ----------
    patience_ms
        How long one may be.

    Examples
    --------
    >>> quiet, well = (Observed("a", "a", CloudStatus.UNREACHABLE, 0),
    ...                Observed("b", "b", CloudStatus.ACTIVE, 0))
    >>> silence = Silence(30_000)
    >>> silence.dead([quiet, well], 0), silence.dead([quiet, well], 30_000)
    (frozenset(), frozenset({'a'}))
    >>> silence.dead([quiet], 60_000)
    frozenset()
    """

    def __init__(self, patience_ms: int) -> None:
        self._patience_ms = patience_ms
        self._since_ms: dict[str, int] = {}

    def dead(self, listing: Sequence[Observed], now_ms: int) -> frozenset[str]:
        """Return the ids of what has been unreachable for too long, in a listing at this time."""
        silent = [x.instance_id for x in listing if x.status is CloudStatus.UNREACHABLE]
        self._since_ms = {name: self._since_ms.get(name, now_ms) for name in silent}
        if len(silent) > MOST_SHARE * len(listing):
            return frozenset()
        return frozenset(
            name for name, ms in self._since_ms.items() if now_ms - ms >= self._patience_ms
        )
