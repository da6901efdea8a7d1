"""Tells whether hosts die, or the messages between the cloud's services are late."""

from collections.abc import Sequence

from allocator.machine.observed import HOSTLESS, CloudStatus, Observed

# Hosts die one by one. When most seem silent at once, it is rather the control plane that is out
# of breath: on a machine under load, a lab's hosts were "down" for seconds at a time, and replacing
# what ran on them would have ended the whole reserve for nothing.
MOST_SHARE = 0.5
# What a pool told is forgotten then: another allocator may own it by now.
KEPT_MS = 300_000
# A build may have no host yet.
_ANSWERING = frozenset(CloudStatus) - HOSTLESS - {CloudStatus.BUILD, CloudStatus.UNREACHABLE}


class Hosts:
    """Which hosts answer, as the latest listing of each pool has it.

    One pool may have all its few instances on a host that dies: only the other pools then tell
    that the other hosts are well.

    Examples
    --------
    >>> def on(host, status):
    ...     return Observed(host, host, status, 0, host=host)
    >>> hosts = Hosts()
    >>> hosts.told("wired", [on("a", CloudStatus.UNREACHABLE)], 0)
    >>> hosts.are_mostly_silent(0)
    True
    >>> hosts.told("office", [on("b", CloudStatus.ACTIVE), on("c", CloudStatus.ACTIVE)], 0)
    >>> hosts.are_mostly_silent(0)
    False
    """

    def __init__(self) -> None:
        self._told: dict[str, tuple[int, frozenset[str], frozenset[str]]] = {}

    def told(self, pool: str, listing: Sequence[Observed], now_ms: int) -> None:
        """Take in a pool's listing at a time; where the cloud names no hosts, each has its own."""
        silent, answering = (
            frozenset(x.host or x.instance_id for x in listing if x.status in wanted)
            for wanted in ({CloudStatus.UNREACHABLE}, _ANSWERING)
        )
        self._told[pool] = (now_ms, silent, answering)

    def are_mostly_silent(self, now_ms: int) -> bool:
        """Tell whether more than half of all hosts seem silent."""
        fresh = [x for x in self._told.values() if abs(now_ms - x[0]) <= KEPT_MS]
        answering = frozenset[str]().union(*(x[2] for x in fresh))
        silent = frozenset[str]().union(*(x[1] for x in fresh)) - answering
        return len(silent) > MOST_SHARE * (len(silent) + len(answering))
