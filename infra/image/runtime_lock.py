"""Prints the part of requirements.lock that the application needs to run, hashes included.

Usage: `runtime_lock.py LOCK WANTED`; WANTED is a resolution of pyproject.toml without its dev
group, such as `uv pip compile pyproject.toml --constraint requirements.lock` prints. Versions and
hashes are the lock's, so that the image has what the tests ran with.
"""

import re
import sys
from pathlib import Path


class LockError(ValueError):
    """The lock lacks something that is wanted; the message says what."""


def entries(lock: str) -> dict[str, str]:
    """Return the lock's entries by package, each with its hashes and markers."""
    found: dict[str, str] = {}
    for block in re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE):
        if match := re.match(r"[A-Za-z0-9._-]+", block):
            name = match.group().lower()
            found[name] = found.get(name, "") + block.rstrip() + "\n"
    return found


def part(lock: str, wanted: str) -> str:
    """Return the lock's entries for the packages of another resolution.

    Raises
    ------
    LockError
        If one of them is not in the lock.
    """
    locked = entries(lock)
    names = sorted(entries(wanted))
    if missing := [name for name in names if name not in locked]:
        raise LockError(f"not in the lock: {', '.join(missing)}; run `make lock`")
    return "".join(locked[name] for name in names)


if __name__ == "__main__":
    sys.stdout.write(part(Path(sys.argv[1]).read_text(), Path(sys.argv[2]).read_text()))
