"""Downloads pinned Maven artifacts by path and SHA-256, in Python, without Maven.

A lock file lists path, hash and size. What is in the cache or in ~/.m2 under the right hash is
used as it is, so the second start needs no network.
"""

import hashlib
import json
import os
import shutil
import tempfile
import urllib.error
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol

import stamina

from infra.local.maven import maven_home, repository_url

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).resolve().parents[2]
PARALLEL = 4  # a Maven mirror serves 45 small jars no faster with more
ATTEMPTS = 4
_CHUNK_BYTES = 1 << 18
_TIMEOUT_S = 60.0


class ArtifactError(RuntimeError):
    """An artifact could not be had; the message says which, from where and what to do."""


class TransientError(RuntimeError):
    """A download that may succeed when repeated."""


class Progress(Protocol):
    """What a download reports to: the number of bytes that arrived."""

    def __call__(self, received_bytes: int, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file of a Maven repository, pinned: path below the repository, SHA-256, size in bytes."""

    path: str
    sha256: str
    size: int

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]

    def is_at(self, file: Path) -> bool:
        """Tell whether the file holds exactly this artifact."""
        if not file.is_file() or file.stat().st_size != self.size:
            return False
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == self.sha256


def cache_dir() -> Path:
    """Return the cache: WARMFRONT_CACHE_DIR, else .cache in the checkout."""
    return Path(os.environ.get("WARMFRONT_CACHE_DIR") or CHECKOUT / ".cache")


def read_lock(file: Path) -> tuple[Artifact, ...]:
    """Read a lock file."""
    return tuple(Artifact(**entry) for entry in json.loads(file.read_text())["artifacts"])


def missing(artifacts: Sequence[Artifact], cache: Path) -> list[Artifact]:
    """Return the artifacts that a start would have to fetch."""
    return [a for a in artifacts if not a.is_at(cache / a.path)]


def fetch(artifacts: Sequence[Artifact], cache: Path, *, base_url: str | None = None) -> list[Path]:
    """Return the cached files of all artifacts in their order, downloading what is missing.

    Raises
    ------
    ArtifactError
        When one can't be downloaded or has another hash than the pinned one; nothing is kept of it.
    """
    if absent := [a for a in missing(artifacts, cache) if not _copied_from_maven_home(a, cache)]:
        _download_all(absent, cache, base_url or repository_url())
    return [cache / a.path for a in artifacts]


def _copied_from_maven_home(artifact: Artifact, cache: Path) -> bool:
    source = maven_home() / "repository" / artifact.path
    if not artifact.is_at(source):
        return False
    with _arriving(cache / artifact.path) as target, source.open("rb") as stream:
        shutil.copyfileobj(stream, target)
    return True


def _download_all(artifacts: Sequence[Artifact], cache: Path, base_url: str) -> None:
    total_bytes = sum(a.size for a in artifacts)
    with _progress_bar(total_bytes) as advance, ThreadPoolExecutor(PARALLEL) as pool:
        jobs = [pool.submit(_download, a, cache, base_url, advance) for a in artifacts]
        try:
            for job in jobs:
                job.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _download(artifact: Artifact, cache: Path, base_url: str, advance: Progress) -> None:
    url = f"{base_url}/{artifact.path}"
    try:
        for attempt in stamina.retry_context(on=TransientError, attempts=ATTEMPTS, timeout=None):
            with attempt, _arriving(cache / artifact.path) as target:
                _receive(artifact, url, target, advance)
    except TransientError as error:
        raise ArtifactError(
            f"{artifact.name}: {url} did not answer properly ({error}). Check the network, or name "
            "a mirror of Maven Central in WARMFRONT_MAVEN_URL."
        ) from error


def _receive(artifact: Artifact, url: str, target: IO[bytes], advance: Progress) -> None:
    digest, received_bytes = hashlib.sha256(), 0
    for chunk in _chunks(artifact, url):
        target.write(chunk)
        digest.update(chunk)
        received_bytes += len(chunk)
        advance(len(chunk))
    if received_bytes < artifact.size:
        raise TransientError(f"ended after {received_bytes} of {artifact.size} bytes")
    if digest.hexdigest() != artifact.sha256:
        raise ArtifactError(
            f"{artifact.name}: {url} delivered SHA-256 {digest.hexdigest()}, the lock says "
            f"{artifact.sha256}. Nothing was kept; a proxy or mirror may have altered the file."
        )


def _chunks(artifact: Artifact, url: str) -> "Iterator[bytes]":
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as response:  # noqa: S310 - pinned hash
            while chunk := response.read(_CHUNK_BYTES):
                yield chunk
    except urllib.error.HTTPError as error:
        if error.code < 500 and error.code not in {408, 429}:
            raise ArtifactError(
                f"{artifact.name}: {url} answers {error.code} {error.reason}. Is "
                "WARMFRONT_MAVEN_URL (or the mirror in ~/.m2/settings.xml) a Maven repository?"
            ) from error
        raise TransientError(f"{error.code} {error.reason}") from error
    except OSError as error:
        raise TransientError(str(error)) from error


@contextmanager
def _arriving(file: Path) -> "Iterator[IO[bytes]]":
    """Give a temporary neighbour that becomes the file when the block ends well, else nothing."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=file.parent, prefix=".part-", delete=False) as part:
        try:
            yield part
            part.close()
            Path(part.name).replace(file)
        except BaseException:
            Path(part.name).unlink(missing_ok=True)
            raise


@contextmanager
def _progress_bar(total_bytes: int) -> "Iterator[Progress]":
    from rich.console import Console  # noqa: PLC0415 - only a download pays for the import
    from rich.progress import BarColumn, DownloadColumn, TransferSpeedColumn  # noqa: PLC0415
    from rich.progress import Progress as Bar  # noqa: PLC0415

    console = Console(stderr=True)
    columns = ("Downloading", BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Bar(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total_bytes)
        yield lambda received_bytes: bar.advance(task, received_bytes)
