"""Reading a recording for replay: columns are told, bad rows are named, order is by time."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from streams.collect.columns import Columns, choose_columns
from streams.collect.events import merged_events
from streams.collect.replay_plan import ReplayOptions, read_plan, shift_to
from streams.collect.rows import Rows, read_rows
from streams.runtime.recordings import SWF_COLUMNS, Recording, RecordingError

SWF = Columns(
    "submit_s", "user", "executable", None, "run_s", "wait_s", "procs_used", "mem_used_kb",
    memory_per_core=True,
)  # fmt: skip


def recording(**columns: list[str]) -> Recording:
    return Recording(columns, len(next(iter(columns.values()))))


def rows(skip_bad: bool = False, **columns: list[str]) -> Rows:
    file = recording(**columns)
    return read_rows(file, choose_columns(file.columns, {}), skip_bad=skip_bad)


def test_the_standard_workload_format_is_known_by_its_columns() -> None:
    assert choose_columns(SWF_COLUMNS, {}) == SWF


def test_its_csv_form_has_its_times_in_utc() -> None:
    assert choose_columns([*SWF_COLUMNS, "submit_utc"], {}).time == "submit_utc"


def test_a_value_without_programs_is_a_series() -> None:
    assert rows(time=["0", "60"], value=["1.5", "2"]).series


def test_a_value_beside_programs_is_no_series() -> None:
    assert not rows(time=["0"], program=["vim"], value=["2"]).series


def test_a_column_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(RecordingError, match=r"--user: no column 'who'.*it has: time, program"):
        choose_columns(["time", "program"], {"user": "who"})


def test_no_column_of_times_is_told() -> None:
    with pytest.raises(RecordingError, match="name it with --time"):
        choose_columns(["when", "program"], {})


def test_rows_of_equal_time_keep_the_files_order() -> None:
    read = rows(time=["60", "0", "60", "0"], program=["a", "b", "c", "d"])
    assert list(read.program) == ["b", "d", "a", "c"]
    assert read.number.tolist() == [1, 3, 0, 2]


@pytest.mark.parametrize(
    ("column", "text", "problem"),
    [
        ("time", "soon", "no ISO 8601 time"),
        ("time", "nan", "no ISO 8601 time"),
        ("time", "9e15", "not between 1970 and 2100"),
        ("user", "", "printable"),
        ("program", "a\x00b", "printable"),
        ("run_s", "long", "no finite number"),
        ("run_s", "1e12", "over 31622400 s"),
        ("wait_s", "inf", "no finite number"),
    ],
)
def test_a_bad_row_is_named_with_its_column_and_what_to_do(column, text, problem) -> None:
    columns = {
        "time": ["0", "1"], "user": ["u", "u"], "program": ["p", "p"], "run_s": ["1", "1"],
        "wait_s": ["", "-1"],
    }  # fmt: skip
    columns[column][1] = text
    with pytest.raises(RecordingError, match=rf"row 1 .*column '{column}'.*{problem}.*--skip-bad"):
        rows(**columns)
    left = rows(skip_bad=True, **columns)
    assert left.number.tolist() == [0]
    assert [bad.row for bad in left.bad] == [1]


def test_negative_numbers_mean_unknown_and_memory_counts_per_processor() -> None:
    columns = {name: ["-1", "-1"] for name in SWF_COLUMNS}
    columns |= {"submit_s": ["0", "0"], "procs_used": ["4", "-1"], "mem_used_kb": ["10", "10"]}
    read = rows(**columns)
    assert read.memory_bytes[0] == 40 * 1024
    assert read.memory_bytes[1] != read.memory_bytes[1]
    assert read.run_s[0] != read.run_s[0]


def test_the_shift_brings_the_last_exit_to_the_minute_before_now() -> None:
    read = rows(time=["0", "100"], program=["a", "b"], run_s=["1000", "5"])
    assert read.end_ms() == 1_000_000
    assert shift_to(read, 10_000_000) == 8_940_000 + 60_000


def test_another_reading_of_one_file_is_another_replay(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("time,user,program\n0,u,p\n")
    plain = read_plan(path, ReplayOptions()).fingerprint
    assert read_plan(path, ReplayOptions()).fingerprint == plain
    assert read_plan(path, ReplayOptions(columns={"user": "program"})).fingerprint != plain


def test_a_file_without_rows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("time,user,program\n")
    with pytest.raises(RecordingError, match="no usable row"):
        read_plan(path, ReplayOptions())


def test_one_recording_in_every_format_is_the_same_events(tmp_path: Path) -> None:
    table = pa.table(
        {"user": ["u", "v"], "time": ["60", "0"], "program": ["p", "q"], "run_s": ["5", ""]}
    )
    csv = "user,time,program,run_s\nu,60,p,5\nv,0,q,\n"
    (tmp_path / "a.csv").write_text(csv)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(csv.encode()))
    (tmp_path / "a.ndjson").write_text("\n".join(json.dumps(row) for row in table.to_pylist()))
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    (tmp_path / "a.swf").write_text(
        "; UnixStartTime: 0\n"
        "1 60 -1 5 -1 -1 -1 -1 -1 -1 -1 u -1 p -1 -1 -1 -1\n"
        "2 0 -1 -1 -1 -1 -1 -1 -1 -1 -1 v -1 q -1 -1 -1 -1\n"
    )
    files = ("a.csv", "a.csv.gz", "a.ndjson", "a.parquet", "a.swf")
    told = [list(merged_events(read_plan(tmp_path / f, ReplayOptions()).rows)) for f in files]
    assert [(e.user, e.activity.kind) for e in told[0]] == [
        ("v", "LAUNCH"),
        ("u", "LAUNCH"),
        ("u", "EXIT"),
    ]
    assert all(events == told[0] for events in told)


@pytest.mark.recordings
@pytest.mark.parametrize("name", ["jobs_lanl_cm5_1994", "jobs_nasa_ipsc_1993", "desktop_apps"])
def test_recordings_beside_the_checkout_need_no_options(name: str) -> None:
    path = Path(__file__).parents[3] / "shared" / "data" / f"{name}.csv.gz"
    if not path.exists():
        pytest.skip("no ../shared/data")
    read = read_plan(path, ReplayOptions()).rows
    assert len(read) > 10_000
    assert not read.bad
    assert (read.time_ms[1:] >= read.time_ms[:-1]).all()
