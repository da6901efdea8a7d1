"""Where processes that are to crash leave word of the moment at which they did."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from schemas.crash_points import Point


@dataclass
class CrashFolder:
    """A folder for `schemas.crash_points`, and the moments that are wanted.

    Parameters
    ----------
    folder
        Is made.
    points
        All moments of the processes that get the folder.
    """

    folder: Path
    points: Sequence[Point]

    def __post_init__(self) -> None:
        self.folder.mkdir()

    def struck(self) -> set[str]:
        """The moments at which a process has died."""
        return {path.name for path in self.folder.iterdir()}

    def left(self) -> set[str]:
        """The moments at which none has died yet."""
        return set(self.points) - self.struck()

    def __str__(self) -> str:
        return f"a crash at {', '.join(sorted(self.left()))}"
