"""Installs Kafka Connect's worker and plugins: pinned jars, and our one transformation, compiled.

The worker's jars are used from the cache. A plugin is a folder of jars; Connect scans the folder
that holds them all.
"""

import os
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from infra.local import artifacts
from infra.local.java import BROKER_MINIMUM, find_java

HERE = Path(__file__).parent
WORKER_LOCK = HERE / "worker.lock.json"
COMPILER_LOCK = HERE / "compiler.lock.json"
PLUGIN_LOCKS = {"jdbc": HERE / "jdbc.lock.json", "avro": HERE / "avro.lock.json"}
SOURCES = HERE / "smt"
# What is installed is kept: a folder from before has another transformation.
OURS = "warmfront-tables"
JAVA_RELEASE = "17"
COMPILE_TIMEOUT_S = 300.0

# Connect finds plugins by these files. Apicurio's converter of 2.6.13 comes without one.
CONVERTER_SERVICES = {
    "META-INF/services/org.apache.kafka.connect.storage.Converter": (
        "io.apicurio.registry.utils.converter.AvroConverter\n"
    )
}
TRANSFORMATION_SERVICES = {
    "META-INF/services/org.apache.kafka.connect.transforms.Transformation": (
        "warmfront.connect.TableFields\n"
    )
}


class CompilationError(RuntimeError):
    """Our transformation could not be compiled; the message has the compiler's words."""


def worker_jars() -> list[Path]:
    """Return the jars of the Connect worker, downloading what is missing."""
    return _fetch(WORKER_LOCK)


def install_plugins(folder: Path) -> Path:
    """Fill a folder with one folder per plugin; what is there already is kept.

    Parameters
    ----------
    folder
        For the setting `plugin.path` of any Kafka Connect 3.5 or newer.

    Raises
    ------
    ArtifactError, JavaError, CompilationError
        With a message that says what to do.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, lock in PLUGIN_LOCKS.items():
        if not (folder / name).exists():
            _install(folder / name, _fetch(lock), CONVERTER_SERVICES if name == "avro" else {})
    if not (folder / OURS).exists():
        with tempfile.TemporaryDirectory() as classes:
            _compile(Path(classes))
            _install(folder / OURS, [], TRANSFORMATION_SERVICES, Path(classes))
    return folder


def _fetch(lock: Path) -> list[Path]:
    return artifacts.fetch(artifacts.read_lock(lock), artifacts.cache_dir() / "maven")


def _install(
    target: Path, jars: list[Path], services: Mapping[str, str], classes: Path | None = None
) -> None:
    """Fill a neighbour and rename it, so that an interrupted installation leaves no half."""
    part = Path(tempfile.mkdtemp(dir=target.parent, prefix=".installing-"))
    try:
        for jar in jars:
            shutil.copy(jar, part / jar.name)
        if services:
            _write_jar(part / f"warmfront-{target.name}.jar", services, classes)
        part.chmod(0o755)
        part.replace(target)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _write_jar(file: Path, texts: Mapping[str, str], classes: Path | None) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as jar:
        for name, text in texts.items():
            jar.writestr(name, text)
        for compiled in sorted(classes.rglob("*.class")) if classes else ():
            jar.write(compiled, compiled.relative_to(classes or compiled))


def _compile(classes: Path) -> None:
    """Compile our transformation with Eclipse's compiler, since a Java runtime has none."""
    (compiler,) = _fetch(COMPILER_LOCK)
    api = [j for j in worker_jars() if j.name.startswith(("connect-api", "connect-json", "kafka-"))]
    command: list[str | Path] = [find_java(BROKER_MINIMUM), "-jar", compiler]
    command += ["-source", JAVA_RELEASE, "-target", JAVA_RELEASE, "-d", classes]
    command += ["-classpath", os.pathsep.join(map(str, api)), *sorted(SOURCES.rglob("*.java"))]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=COMPILE_TIMEOUT_S, check=False
    )
    if done.returncode != 0:
        raise CompilationError(f"compiling {SOURCES} failed:\n{done.stdout}{done.stderr}")
