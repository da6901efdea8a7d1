"""A file that one process at a time may hold: two producers of one source would mix numbers."""

import fcntl
import os
from pathlib import Path

OWNER_ONLY = 0o600
WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC


class HeldByAnotherError(RuntimeError):
    """Another process holds the file."""


class NotKeptError(OSError):
    """A file can't be written, as on a full disk; it is as it was before."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(
            f"{path} can't be written: {error.strerror}; it is as it was, and the same command "
            "goes on from there once there is room"
        )


class ExclusiveFile:
    """Small text kept in a file that no other process can hold meanwhile.

    The lock is the kernel's: it is gone with the process, however that ends.

    Raises
    ------
    HeldByAnotherError
        If another process holds it.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._lock = os.open(path.with_suffix(".lock"), WRITE, OWNER_ONLY)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise HeldByAnotherError(f"{path} is in use by another process") from None

    def read(self) -> str | None:
        """Return the text, or None where none was written yet."""
        try:
            return self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def write(self, text: str) -> None:
        """Replace the text as a whole: a kill leaves the old or the new one.

        Raises
        ------
        NotKeptError
            If there is no room; the old text stays.
        """
        part = self._path.with_suffix(".part")
        try:
            with os.fdopen(os.open(part, WRITE, OWNER_ONLY), "w", encoding="utf-8") as stream:
                stream.write(text)
            part.replace(self._path)
        except OSError as error:
            raise NotKeptError(self._path, error) from error

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._lock)
