"""The programs that may be started on instances: the operator's file and nothing else."""

import fnmatch
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from allocator.runner.protocol import Command

_LIMITS = {"grace_s": float, "timeout_s": float, "max_output_bytes": int}


class ProgramsError(ValueError):
    """The programs file can't be used; the message says what to change."""


def load_programs(path: Path) -> dict[str, Command]:
    """Read which command starts each program, by name or pattern.

    A table per program: `start` is the argument list; `grace_s`, `timeout_s` and
    `max_output_bytes` are optional; `steps` are those of shadow runs. A missing file declares
    nothing.

    Raises
    ------
    ProgramsError
        If the file is no TOML or an entry makes no sense.
    """
    if not path.exists():
        return {}
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        entries = document.get("program", {})
        return {name: _command(name, e) for name, e in entries.items() if "start" in e}
    except (OSError, tomllib.TOMLDecodeError, TypeError, ValueError, AttributeError) as error:
        raise ProgramsError(f"{path}: {error}") from error


def command_of(program: str, commands: Mapping[str, Command]) -> Command | None:
    """Return the command that starts a program: its own, else of the first pattern that matches.

    The program's name only chooses; it is never part of the command.

    Examples
    --------
    >>> office = Command("program/office-*", ("run-office",))
    >>> command_of("office-mail; rm -rf /", {"office-*": office}).argv
    ('run-office',)
    >>> command_of("game", {"office-*": office}) is None
    True
    """
    if program in commands:
        return commands[program]
    matching = (c for name, c in commands.items() if fnmatch.fnmatchcase(program, name))
    return next(matching, None)


def _command(name: str, entry: Mapping[str, Any]) -> Command:
    argv = entry["start"]
    if not isinstance(argv, list) or not all(isinstance(part, str) for part in argv):
        raise ProgramsError(f"program {name}: start must be a list of strings")
    unknown = set(entry) - {"start", "steps", *_LIMITS}
    if unknown:
        raise ProgramsError(f"program {name}: no such key: {', '.join(sorted(unknown))}")
    limits = {key: kind(entry[key]) for key, kind in _LIMITS.items() if key in entry}
    return Command(f"program/{name}", tuple(argv), keeps_running=True, **limits)
