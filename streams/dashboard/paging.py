"""Searches and pages on this side: with 1,000 pools a page must not be sent them all."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

MOST_PER_PAGE = 200
DEFAULT_PER_PAGE = 25


class BadQueryError(ValueError):
    """A parameter of the address can't be used; the text says which."""


@dataclass(frozen=True, slots=True)
class Query:
    """What part of a list is asked for.

    Parameters
    ----------
    text
        Only entries that have all its words, case ignored; empty for all.
    offset, limit
        Which of them.
    sort
        How they are sorted; each list says what it knows.
    """

    text: str = ""
    offset: int = 0
    limit: int = DEFAULT_PER_PAGE
    sort: str = ""

    @classmethod
    def of(cls, given: Any) -> "Query":
        """Read the parameters of an address.

        Raises
        ------
        BadQueryError
            If a number is none, or out of range.

        Examples
        --------
        >>> Query.of({"q": " GPU ", "limit": "5"})
        Query(text='gpu', offset=0, limit=5, sort='')
        """
        offset = _whole(given, "offset", 0)
        limit = _whole(given, "limit", DEFAULT_PER_PAGE)
        if offset < 0 or not 1 <= limit <= MOST_PER_PAGE:
            raise BadQueryError(f"offset must be 0 or more, limit 1 to {MOST_PER_PAGE}")
        return cls(given.get("q", "").strip().lower(), offset, limit, given.get("sort", ""))

    def matches(self, *texts: str | None) -> bool:
        """Tell whether every word is in one of the texts.

        Examples
        --------
        >>> Query("gpu 17").matches("pool-17", "GPU"), Query("x").matches("y", None)
        (True, False)
        """
        whole = "\n".join(text for text in texts if text).lower()
        return all(word in whole for word in self.text.split())


def page(entries: Iterable[Any], query: Query, shown: Callable[[Any], Any]) -> dict[str, Any]:
    """Return one page of the entries that were found, and how many there are.

    Examples
    --------
    >>> page("abcde", Query(offset=1, limit=2), str.upper)
    {'total': 5, 'offset': 1, 'limit': 2, 'rows': ['B', 'C']}
    """
    found = list(entries)
    rows = [shown(entry) for entry in found[query.offset : query.offset + query.limit]]
    return {"total": len(found), "offset": query.offset, "limit": query.limit, "rows": rows}


def _whole(given: Any, name: str, default: int) -> int:
    text = given.get(name)
    if text is None:
        return default
    try:
        return int(text)
    except ValueError as error:
        raise BadQueryError(f"{name} must be a whole number") from error
