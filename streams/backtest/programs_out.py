"""Writes what was predicted, row by row, so that a stranger can score it."""

import csv
import gzip
import io
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from streams.models.programs import Candidate


class RowWriter:
    """A csv file of predictions; compressed where its name ends in .gz; None writes nothing."""

    def __init__(self, path: Path | None, *, within: bool = False) -> None:
        self._path = path
        self._text = io.StringIO()
        self._writer = csv.writer(self._text, lineterminator="\n")
        self._writer.writerow(
            ("row", "program", "p") if within else ("row", "rank", "program", "p")
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        if self._path is None or kind is not None:
            return
        data = self._text.getvalue().encode()
        # mtime 0: the same predictions are the same file
        packed = gzip.compress(data, mtime=0) if self._path.suffix == ".gz" else data
        self._path.write_bytes(packed)

    def ranks(self, row: int, candidates: Sequence[Candidate]) -> None:
        """Write a row's ranked candidates with their probability of being next."""
        for rank, candidate in enumerate(candidates, 1):
            self._writer.writerow((row, rank, candidate.program, repr(candidate.p_next)))

    def within(self, row: int, candidates: Sequence[Candidate]) -> None:
        """Write the candidates after a row with their probability within five minutes."""
        for candidate in candidates:
            self._writer.writerow((row, candidate.program, repr(candidate.p_5m)))
