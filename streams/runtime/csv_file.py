"""Writes rows as CSV: the same rows are the same file, byte for byte."""

import csv
import gzip
import io
from collections.abc import Iterable, Sequence
from pathlib import Path


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    """Write rows below a header; a name ending in .gz is compressed.

    Parameters
    ----------
    path
        The file, replaced where it exists.
    header
        The columns' names.
    rows
        Each as long as the header; numbers are written as `str` does.

    Returns
    -------
    How many rows were written.

    Raises
    ------
    OSError
        If the file can't be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "runs.csv"
    ...     write_csv(file, ("row", "p"), [(0, 0.5)]), file.read_text().split()
    (1, ['row,p', '0,0.5'])
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    count = 0
    for count, row in enumerate(rows, 1):  # noqa: B007 - the last number is the count
        writer.writerow(row)
    data = text.getvalue().encode()
    # mtime 0: gzip would write the time of day
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    return count
