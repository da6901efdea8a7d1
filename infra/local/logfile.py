"""A log file of bounded size, filled from a pipe."""

import os
import threading
from pathlib import Path
from typing import IO

LOG_BYTES = 10_000_000  # at most twice that per process: the file and the one before it


class BoundedLog:
    """Copies a pipe into a file; at the bound the file becomes `<file>.1` and a new one begins.

    A process that writes to a file by itself can't be bounded from outside. Its pipe's other end
    is here, and a process never outlives its starter, so nothing is lost by the detour.
    """

    def __init__(self, file: Path, limit_bytes: int = LOG_BYTES) -> None:
        self.file = file
        self._limit_bytes = limit_bytes
        file.parent.mkdir(parents=True, exist_ok=True)

    def follow(self, pipe: IO[bytes]) -> threading.Thread:
        """Copy until the pipe ends, in a thread of its own; what the file held is kept."""
        thread = threading.Thread(target=self._copy, args=(pipe,), name=f"log {self.file.stem}")
        thread.daemon = True
        thread.start()
        return thread

    def tail(self, lines: int = 15) -> str:
        """Return the last lines, or an empty text."""
        if not self.file.exists():
            return ""
        with self.file.open("rb") as stream:
            stream.seek(max(0, self.file.stat().st_size - 200 * lines))
            return "\n".join(stream.read().decode(errors="replace").splitlines()[-lines:])

    def _copy(self, pipe: IO[bytes]) -> None:
        with pipe:
            while chunk := os.read(pipe.fileno(), 1 << 16):
                self._append(chunk)

    def _append(self, chunk: bytes) -> None:
        if self.file.exists() and self.file.stat().st_size + len(chunk) > self._limit_bytes:
            self.file.replace(self.file.with_name(f"{self.file.name}.1"))
        with self.file.open("ab") as stream:
            stream.write(chunk)
