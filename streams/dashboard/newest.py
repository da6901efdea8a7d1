"""A mapping of bounded size: the page shows what was said last, and memory must not grow."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Newest(Generic[K, V]):
    """Keeps what was put last and drops what was not put for longest.

    Parameters
    ----------
    limit
        Most entries kept.

    Examples
    --------
    >>> kept = Newest[str, int](2)
    >>> for number, name in enumerate(["a", "b", "a", "c"]):
    ...     kept.put(name, number)
    >>> list(kept), kept.get("a"), kept.get("b")
    (['a', 'c'], 2, None)
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: dict[K, V] = {}

    def put(self, key: K, value: V) -> None:
        """Keep a value as the newest."""
        self._kept.pop(key, None)
        self._kept[key] = value
        if len(self._kept) > self._limit:
            del self._kept[next(iter(self._kept))]

    def drop(self, key: K) -> None:
        """Keep nothing under a key."""
        self._kept.pop(key, None)

    def drop_where(self, unwanted: Callable[[V], bool]) -> None:
        """Drop every value that is unwanted."""
        self._kept = {key: value for key, value in self._kept.items() if not unwanted(value)}

    def get(self, key: K) -> V | None:
        """Return what is kept under a key."""
        return self._kept.get(key)

    def values(self) -> list[V]:
        """Return what is kept, oldest first."""
        return list(self._kept.values())

    def __iter__(self) -> Iterator[K]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)
