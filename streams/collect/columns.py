"""Which column of a recording means what: named by the user, or told from usual names."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace

from streams.runtime.recordings import SWF_COLUMNS, RecordingError

# Usual names, most specific first. Those of the Standard Workload Format are the format's own.
USUAL: Mapping[str, tuple[str, ...]] = {
    "time": (
        "time", "timestamp", "time_utc", "submit_utc", "submission_utc", "submit_s", "t_s",
        "hour_utc", "minute_local",
    ),
    "user": ("user", "user_id", "username"),
    "program": ("program", "executable", "app", "application"),
    "value": ("value",),
    "duration": ("run_s", "duration_s", "duration_ms"),
    "wait": ("wait_s",),
    "cores": ("procs_used", "cpu_cores", "vcpu", "cpu_count"),
    "memory": ("mem_used_kb", "memory_bytes", "mem_gb"),
}  # fmt: skip

# What one unit of a column is in seconds or bytes, by the ending of its name.
SCALES: Mapping[str, float] = {
    "_ms": 1e-3, "_s": 1.0, "_kb": 1024.0, "_mb": 1024.0**2, "_gb": 1024.0**3, "_bytes": 1.0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of a recording's columns; None for what it has not.

    Parameters
    ----------
    time
        When a program was started, or a value measured.
    user, program
        Who started what.
    value
        A measured value: the file is then a series, and `user` and the rest are not used.
    duration, wait
        How long a run took and how long its user waited for it to start.
    cores, memory
        Cores and memory of a run.
    memory_per_core
        Whether memory counts per core, as the Standard Workload Format has it.
    """

    time: str
    user: str | None = None
    program: str | None = None
    value: str | None = None
    duration: str | None = None
    wait: str | None = None
    cores: str | None = None
    memory: str | None = None
    memory_per_core: bool = False


ROLES = tuple(field.name for field in fields(Columns) if field.name != "memory_per_core")


def choose_columns(names: Collection[str], given: Mapping[str, str | None]) -> Columns:
    """Return the columns to use: those given, else those with a usual name.

    Parameters
    ----------
    names
        The recording's columns.
    given
        Role (a field of `Columns`) to a column's name or None.

    Raises
    ------
    RecordingError
        If a given column is missing, or no column has times.

    Examples
    --------
    >>> choose_columns(["user", "timestamp", "program"], {}).time
    'timestamp'
    >>> choose_columns(["when", "cpu"], {"time": "when", "value": "cpu"}).value
    'cpu'
    """
    known = ", ".join(names)
    for role, name in given.items():
        if name is not None and name not in names:
            raise RecordingError(f"--{role}: no column {name!r} in the file; it has: {known}")
    chosen = {role: given.get(role) or _usual(role, names) for role in ROLES}
    time = chosen.pop("time")
    if time is None:
        raise RecordingError(f"no column of times found; name it with --time, one of: {known}")
    columns = Columns(time, memory_per_core=set(SWF_COLUMNS) <= set(names), **chosen)
    if columns.program is not None and not given.get("value"):
        return replace(columns, value=None)  # launches with some value beside them
    return columns


def scale_of(column: str) -> float:
    """Return what the column's numbers are multiplied with, by the unit in its name.

    Examples
    --------
    >>> scale_of("duration_ms"), scale_of("mem_used_kb"), scale_of("cpu")
    (0.001, 1024.0, 1.0)
    """
    return next((factor for end, factor in SCALES.items() if column.endswith(end)), 1.0)


def _usual(role: str, names: Collection[str]) -> str | None:
    return next((name for name in USUAL[role] if name in names), None)
