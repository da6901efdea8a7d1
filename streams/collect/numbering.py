"""Sequence numbers of a source: (source, seq) identifies an event for ever, across restarts."""

import hashlib
import re
from pathlib import Path

from streams.collect.exclusive import ExclusiveFile, HeldByAnotherError

# Numbers are reserved on disk in blocks, so that a kill never hands one out twice; a kill skips
# at most this many of 2**63.
BLOCK = 10_000


class Numbering:
    """Rising numbers of one source, kept in a file.

    Parameters
    ----------
    state_dir
        Where the file is kept.
    source
        Name of the source; one process at a time may number it.

    Raises
    ------
    HeldByAnotherError
        If another process produces as this source.
    ValueError
        If the file holds no number.
    """

    def __init__(self, state_dir: Path, source: str) -> None:
        try:
            self._file = ExclusiveFile(state_dir / "producers" / f"{file_name(source)}.seq")
        except HeldByAnotherError:
            raise HeldByAnotherError(
                f"source {source!r} is in use by another process; each producer needs its own"
            ) from None
        self._next = _number(self._file.read(), source)
        self._reserved = self._next

    def take(self) -> int:
        """Return the next number."""
        if self._next == self._reserved:
            # Reserved only once it is on the disk: where that is full, no number is given twice.
            self._file.write(str(self._reserved + BLOCK))
            self._reserved += BLOCK
        self._next += 1
        return self._next - 1

    def close(self) -> None:
        """Give back what was reserved and not taken."""
        self._file.write(str(self._next))
        self._file.close()


def _number(text: str | None, source: str) -> int:
    if text is None:
        return 0
    if not text.isdecimal():
        raise ValueError(f"the numbering of source {source!r} is damaged; use another source name")
    return int(text)


def file_name(source: str) -> str:
    """Return a name for files of a source: readable, and its own."""
    readable = re.sub(r"[^A-Za-z0-9_-]+", "-", source)[:40]
    return f"{readable}-{hashlib.sha256(source.encode()).hexdigest()[:12]}"
