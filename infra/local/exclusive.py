"""Lets one process at a time look after a folder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class AlreadyHeldError(RuntimeError):
    """Another process holds the folder; the message names it."""


@contextmanager
def exclusively(folder: Path) -> Iterator[None]:
    """Hold the folder; the kernel lets go of it when the process ends, however it ends.

    Raises
    ------
    AlreadyHeldError
        When another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "running.pid").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            raise AlreadyHeldError(
                f"{folder} is in use by process {file.read().strip()}, which runs already: stop it "
                "first, or set WARMFRONT_STATE_DIR and other ports for a second one"
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
