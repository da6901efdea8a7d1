"""The small office that the simulator plays: its roles, their programs and what follows what.

All figures are invented, to look like work and not to be any office in particular.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple


class Program(NamedTuple):
    """How a program is used: medians of log-normal amounts.

    Parameters
    ----------
    run_s
        How long a run takes.
    cores, memory_mb
        What it holds meanwhile.
    cold_wait_s
        How long its user waits where nothing is prepared.
    """

    run_s: float
    cores: float
    memory_mb: float
    cold_wait_s: float


class Next(NamedTuple):
    """What may follow a program: with which weight, and the median pause before it."""

    program: str
    weight: float
    pause_s: float


@dataclass(frozen=True, slots=True)
class Role:
    """How people of one kind work.

    Parameters
    ----------
    name
        Name, and the beginning of its users' names.
    start_h, end_h
        Usual begin and end of the day, in hours.
    first
        The program that a day, and the time after a break, begins with.
    follows
        Program to what may follow it; the weights' rest to 1 is a break.
    """

    name: str
    start_h: float
    end_h: float
    first: str
    follows: Mapping[str, tuple[Next, ...]]


PROGRAMS: Mapping[str, Program] = {
    "mail": Program(400, 0.10, 350, 4),
    "calendar": Program(90, 0.05, 150, 3),
    "chat": Program(240, 0.10, 400, 4),
    "browser": Program(600, 0.40, 900, 5),
    "writer": Program(1500, 0.15, 450, 8),
    "calc": Program(1200, 0.30, 600, 8),
    "slides": Program(1800, 0.20, 700, 9),
    "terminal": Program(900, 0.05, 80, 2),
    "git": Program(15, 0.30, 120, 2),
    "editor": Program(1500, 0.60, 1500, 20),
    "compiler": Program(120, 3.50, 2500, 45),
    "tests": Program(180, 2.00, 1800, 40),
    "debugger": Program(600, 0.80, 1400, 25),
}

CLERK = Role(
    "clerk", 8.0, 16.5, "mail",
    {
        "mail": (Next("calendar", 0.25, 40), Next("calc", 0.35, 120), Next("browser", 0.3, 90)),
        "calendar": (Next("mail", 0.4, 120), Next("writer", 0.5, 180)),
        "calc": (Next("mail", 0.45, 600), Next("writer", 0.35, 300), Next("browser", 0.1, 300)),
        "browser": (Next("calc", 0.5, 200), Next("mail", 0.4, 400)),
        "writer": (Next("mail", 0.6, 900), Next("browser", 0.3, 240)),
    },
)  # fmt: skip
DEVELOPER = Role(
    "developer", 9.5, 18.0, "terminal",
    {
        "terminal": (Next("git", 0.8, 20), Next("editor", 0.15, 60)),
        "git": (Next("editor", 0.75, 45), Next("chat", 0.15, 200)),
        "editor": (Next("compiler", 0.8, 240), Next("browser", 0.12, 180)),
        "compiler": (Next("tests", 0.7, 30), Next("editor", 0.2, 60), Next("debugger", 0.07, 60)),
        "tests": (Next("git", 0.35, 60), Next("editor", 0.4, 90), Next("debugger", 0.2, 45)),
        "debugger": (Next("editor", 0.6, 120), Next("compiler", 0.35, 200)),
        "browser": (Next("editor", 0.7, 300), Next("chat", 0.2, 200)),
        "chat": (Next("terminal", 0.4, 400), Next("editor", 0.5, 300)),
    },
)  # fmt: skip
MANAGER = Role(
    "manager", 8.5, 17.5, "mail",
    {
        "mail": (Next("calendar", 0.5, 60), Next("chat", 0.35, 120)),
        "calendar": (Next("chat", 0.3, 200), Next("slides", 0.4, 600), Next("mail", 0.2, 900)),
        "chat": (Next("mail", 0.5, 600), Next("slides", 0.3, 500)),
        "slides": (Next("mail", 0.5, 900), Next("calc", 0.3, 400)),
        "calc": (Next("slides", 0.5, 600), Next("mail", 0.3, 600)),
    },
)  # fmt: skip

# Who works in an office of this many: one of these after another, round and round.
ROLES = (CLERK, DEVELOPER, DEVELOPER, MANAGER, CLERK, DEVELOPER)
