"""Rows of numbers of bounded count, eight bytes a number: a tuple of floats takes 32."""

from array import array
from collections.abc import Iterable, Iterator


class Rows:
    """The newest rows, each of so many numbers.

    Parameters
    ----------
    width
        Numbers in a row.
    limit
        Most rows kept.

    Examples
    --------
    >>> rows = Rows(width=2, limit=2)
    >>> for number in range(4):
    ...     rows.add((number, -number))
    >>> list(rows), rows.last, len(rows)
    ([(2.0, -2.0), (3.0, -3.0)], (3.0, -3.0), 2)
    """

    __slots__ = ("_limit", "_numbers", "_width")

    def __init__(self, width: int, limit: int) -> None:
        self._width = width
        self._limit = limit
        self._numbers = array("d")

    def add(self, row: Iterable[float]) -> None:
        """Append a row."""
        self._numbers.extend(row)
        over = len(self._numbers) - self._width * self._limit
        if over > 0:
            del self._numbers[:over]

    def replace_last(self, row: Iterable[float]) -> None:
        """Put a row in the place of the last."""
        del self._numbers[-self._width :]
        self.add(row)

    @property
    def last(self) -> tuple[float, ...] | None:
        """The newest row; None where there is none."""
        return tuple(self._numbers[-self._width :]) or None

    def __iter__(self) -> Iterator[tuple[float, ...]]:
        flat, width = self._numbers, self._width
        for at in range(0, len(flat), width):
            yield tuple(flat[at : at + width])

    def __len__(self) -> int:
        return len(self._numbers) // self._width
