"""Says which of the instances that can't be reached are to be replaced."""

from collections.abc import Container, Sequence

from allocator.machine.observed import CloudStatus, Observed
from allocator.reconcile.hosts import Hosts

# While most hosts seem silent, one instance is given up so many patiences after the last one: if
# its replacement comes up, launches get through, and the hosts are dead indeed.
PROBE_PATIENCES = 10
UNWELL = frozenset({CloudStatus.UNREACHABLE, CloudStatus.OFF})


class Silence:
    """Remembers since when instances are unreachable; a kill forgets it, which only waits longer.

    Parameters
    ----------
    pool
        Whose.
    patience_ms
        How long one may be.
    hosts
        What all pools' listings tell of hosts.

    Examples
    --------
    >>> quiet, well = (Observed("a", "a", CloudStatus.UNREACHABLE, 0),
    ...                Observed("b", "b", CloudStatus.ACTIVE, 0))
    >>> silence = Silence("office", 30_000, Hosts())
    >>> silence.dead([quiet, well], 0, {"a"}), silence.dead([quiet, well], 30_000, {"a"})
    (frozenset(), frozenset({'a'}))
    >>> silence.dead([quiet], 60_000, {"a"})  # nothing answers: rather the control plane
    frozenset()
    >>> silence.dead([quiet], 300_000, {"a"})  # whether a launch gets through will tell
    frozenset({'a'})
    """

    def __init__(self, pool: str, patience_ms: int, hosts: Hosts) -> None:
        self._pool = pool
        self._patience_ms = patience_ms
        self._hosts = hosts
        self._since_ms: dict[str, int] = {}
        self._probed_ms = 0

    def dead(
        self, listing: Sequence[Observed], now_ms: int, replaceable: Container[str]
    ) -> frozenset[str]:
        """Return the ids of what has been unreachable for too long.

        Parameters
        ----------
        listing, now_ms
            What the cloud shows at which time.
        replaceable
            Ids of instances that nobody holds.
        """
        unwell = [x for x in listing if x.status in UNWELL and x.instance_id in replaceable]
        self._since_ms = {x.instance_id: self._since_ms.get(x.instance_id, now_ms) for x in unwell}
        self._hosts.told(self._pool, listing, now_ms)
        since = self._since_ms.items()
        due = frozenset(name for name, ms in since if now_ms - ms >= self._patience_ms)
        silent = due - {x.instance_id for x in unwell if x.status is CloudStatus.OFF}
        if silent and self._hosts.are_mostly_silent(now_ms) and not self._got_through(listing):
            return due - silent | self._probe(silent, now_ms)
        return due

    def _got_through(self, listing: Sequence[Observed]) -> bool:
        """Whether something was launched since the first went silent, so that messages arrive."""
        first_ms = min(self._since_ms.values()) + self._patience_ms
        return any(
            x.status is CloudStatus.ACTIVE and x.ready_ms is not None and x.ready_ms >= first_ms
            for x in listing
        )

    def _probe(self, silent: frozenset[str], now_ms: int) -> frozenset[str]:
        first = min(silent, key=lambda name: (self._since_ms[name], name))
        last_ms = max(self._probed_ms, self._since_ms[first])
        if now_ms - last_ms < PROBE_PATIENCES * self._patience_ms:
            return frozenset()
        self._probed_ms = now_ms
        return frozenset({first})
