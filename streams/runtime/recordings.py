"""Reads recorded traces: csv, csv.gz, ndjson, parquet and the Standard Workload Format.

Every column comes back as text or number exactly as recorded; only times are converted, since each
reader needs them as seconds. Rows keep the file's order.
"""

import gzip
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Literal, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet

Format = Literal["csv", "ndjson", "parquet", "swf"]

# Fields of the Standard Workload Format 2.2, in file order (Chapin et al. 1999).
SWF_COLUMNS = (
    "job", "submit_s", "wait_s", "run_s", "procs_used", "avg_cpu_s", "mem_used_kb", "procs_req",
    "time_req_s", "mem_req_kb", "status", "user", "group", "executable", "queue", "partition",
    "prev_job", "think_s",
)  # fmt: skip
SWF_ROLES = {"time": "submit_s", "user": "user", "program": "executable"}


class RecordingError(ValueError):
    """The file can't be read as a recording; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Recording:
    """The columns of a recorded trace, each as text, all of one length.

    Parameters
    ----------
    columns
        Column name to its values, one per row, as recorded ("" where absent).
    rows
        Number of rows.
    epoch_s
        What time 0 means, in unix seconds (SWF states it in its header; else 0).
    """

    columns: Mapping[str, Sequence[str]]
    rows: int
    epoch_s: float = 0.0

    def column(self, name: str) -> Sequence[str]:
        """Return a column, or say which columns there are."""
        if name not in self.columns:
            known = ", ".join(self.columns)
            raise RecordingError(f"no column {name!r} in the file; it has: {known}")
        return self.columns[name]

    def numbers(self, name: str) -> npt.NDArray[np.float64]:
        """Return a column as float64 of shape (rows,); empty fields are NaN."""
        try:
            return np.array([float(v) if v else np.nan for v in self.column(name)], np.float64)
        except ValueError as error:
            raise RecordingError(f"column {name!r}: {error}") from error

    def times(self, name: str) -> npt.NDArray[np.float64]:
        """Return a column of times as unix seconds, UTC, of shape (rows,)."""
        return parse_times(self.column(name)) + self.epoch_s


def parse_times(values: Iterable[str]) -> npt.NDArray[np.float64]:
    """Unix seconds of ISO 8601 texts (no zone means UTC) or of plain numbers of seconds.

    Examples
    --------
    >>> parse_times(["1970-01-01T00:01:00Z", "90.5", "1970-01-01 01:00:00+01:00"])
    array([60. , 90.5,  0. ])
    """
    return np.fromiter((_parse_time(row, value) for row, value in enumerate(values)), np.float64)


def _parse_time(row: int, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise RecordingError(f"row {row}: {value!r} is no ISO 8601 time or number") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp()


def detect_format(path: Path) -> Format:
    """Tell a recording's format by its name.

    Examples
    --------
    >>> detect_format(Path("jobs.csv.gz")), detect_format(Path("a.swf"))
    ('csv', 'swf')
    """
    suffixes = [s for s in path.suffixes if s != ".gz"]
    ending = suffixes[-1] if suffixes else ""
    known: dict[str, Format] = {
        ".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson", ".parquet": "parquet",
        ".swf": "swf",
    }  # fmt: skip
    if ending not in known:
        raise RecordingError(f"{path.name}: unknown ending; give --format csv|ndjson|parquet|swf")
    return known[ending]


def read_recording(path: Path, fmt: Format | None = None) -> Recording:
    """Read a whole recording.

    Parameters
    ----------
    path
        The file; a name ending in .gz is decompressed.
    fmt
        Its format, by default told from the name.

    Raises
    ------
    RecordingError
        If the file is missing or not in that format.
    """
    fmt = fmt or detect_format(path)
    try:
        with _open(path) as stream:
            if fmt == "swf":
                return _read_swf(stream)
            table = _read_table(stream, fmt)
    except (OSError, pa.ArrowException) as error:
        raise RecordingError(f"{path}: {error}") from error
    columns = {name: _texts(table.column(name)) for name in table.column_names}
    return Recording(columns, table.num_rows)


def _open(path: Path) -> IO[bytes]:
    if path.suffix == ".gz":
        return cast("IO[bytes]", gzip.open(path, "rb"))
    return path.open("rb")


def _read_table(stream: IO[bytes], fmt: Format) -> Any:
    if fmt == "parquet":
        return pyarrow.parquet.read_table(pa.BufferReader(stream.read()))
    if fmt == "ndjson":
        return pyarrow.json.read_json(stream)
    header = stream.readline()
    if not header.strip():
        raise RecordingError("the file has no header line")
    names = pyarrow.csv.read_csv(pa.BufferReader(header)).column_names
    types = dict.fromkeys(names, pa.string())  # as recorded: "007" stays "007"
    body = pa.BufferReader(header + stream.read())
    return pyarrow.csv.read_csv(
        body, convert_options=pyarrow.csv.ConvertOptions(column_types=types)
    )


def _texts(column: Any) -> list[str]:
    if pa.types.is_timestamp(column.type):
        return [_iso(v) for v in column.to_pylist()]
    return ["" if v is None else str(v) for v in column.to_pylist()]


def _iso(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat()


def _read_swf(stream: IO[bytes]) -> Recording:
    epoch_s = 0.0
    fields: list[list[str]] = []
    for number, raw in enumerate(stream, 1):
        line = raw.decode("utf-8", "replace").strip()
        if line.startswith(";"):
            if "UnixStartTime:" in line:
                epoch_s = float(line.split("UnixStartTime:")[1].split()[0])
        elif line:
            parts = line.split()
            if len(parts) != len(SWF_COLUMNS):
                raise RecordingError(f"line {number}: {len(parts)} fields, SWF has 18")
            fields.append(parts)
    columns = {name: [row[k] for row in fields] for k, name in enumerate(SWF_COLUMNS)}
    return Recording(columns, len(fields), epoch_s)
