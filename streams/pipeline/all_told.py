"""How far all pools have told: as far as the one that is furthest behind."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

Sums = TypeVar("Sums")
FOR_EVER = 2**62  # how far all have told where nobody is waited for


class AllTold:
    """Asked a thousand times a minute where there are a thousand pools, so it costs O(1).

    Parameters
    ----------
    pools
        Names of the pools that are waited for.
    told
        By pool, what it told of last: an hour or a mark. Kept by the caller, changed here.
    silent
        Pools that are not waited for until they speak again. Kept and changed like `told`.

    Examples
    --------
    >>> all_told = AllTold({"a", "b"}, {})
    >>> all_told.tell("a", 7), all_told.tell("b", 6), all_told.through
    (False, True, 6)
    >>> all_told.awaits("b", 6), all_told.awaits("b", 7), all_told.awaits("x", 7)
    (False, True, False)
    >>> all_told.give_up(), all_told.through
    (['b'], 7)
    >>> all_told.tell("b", 7), all_told.through
    (False, 7)
    """

    def __init__(
        self, pools: Iterable[str], told: dict[str, int], silent: list[str] | None = None
    ) -> None:
        self._pools = frozenset(pools)
        self._told = told
        self._silent = [] if silent is None else silent
        self.through = -1
        self._behind: set[str] = set()
        self._look()

    def __len__(self) -> int:
        return len(self._pools)

    def awaits(self, pool: str, at: int) -> bool:
        """Tell whether a pool counts and has not told of this or of a later one yet."""
        return pool in self._pools and at > self._told.get(pool, -1)

    def tell(self, pool: str, at: int) -> bool:
        """Take that a pool told of an hour or a mark; tell whether all are further now."""
        self._told[pool] = at
        self._behind.discard(pool)
        if pool in self._silent:
            self._silent.remove(pool)
            return self._look()
        return not self._behind and self._look()

    def give_up(self) -> list[str]:
        """Wait no more for those that are furthest behind; return their names."""
        given_up = sorted(self._behind)
        self._silent += given_up
        self._look()
        return given_up

    def taken_from(self, waiting: dict[int, Sums]) -> Iterator[tuple[int, Sums]]:
        """Take out, in order, the hours or marks that nobody is waited for any more."""
        for at in sorted(at for at in waiting if at <= self.through):
            yield at, waiting.pop(at)

    def _look(self) -> bool:
        before = self.through
        waited = self._pools.difference(self._silent)
        self.through = min((self._told.get(pool, -1) for pool in waited), default=FOR_EVER)
        self._behind = {p for p in waited if self._told.get(p, -1) == self.through}
        return self.through > before
