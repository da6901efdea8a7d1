"""The runs that were going on when the collector last looked, kept over its restarts.

A program that ends while the collector is down would else be held to run for another day.
"""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from streams.collect.exclusive import ExclusiveFile
from streams.collect.numbering import file_name
from streams.collect.runs import Run

_decoder = msgspec.json.Decoder(list[tuple[str, str, str, float]])


class OpenRuns:
    """A source's runs in a file; it names users as they are, so only its owner may read it."""

    def __init__(self, state_dir: Path, source: str) -> None:
        self._file = ExclusiveFile(state_dir / "collect" / f"{file_name(source)}.runs")
        self._kept: set[Run] | None = None

    def read(self) -> set[Run]:
        """Return the runs last kept, none where that is damaged."""
        try:
            return {Run(*kept) for kept in _decoder.decode(self._file.read() or "[]")}
        except msgspec.DecodeError:
            return set()

    def keep(self, runs: Iterable[Run]) -> None:
        """Keep the runs that go on now."""
        now = set(runs)
        if now != self._kept:
            self._file.write(msgspec.json.encode(sorted(now)).decode())
            self._kept = now

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
