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
    one_in, first
        Of so many moments one is struck, beginning with this one; the others need only be reached.
    """

    folder: Path
    points: Sequence[Point]
    one_in: int = 1
    first: int = 0

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.deadly = self.points[self.first :: self.one_in]
        for point in set(self.points) - set(self.deadly):
            (self.folder / f"{point}.spared").touch()

    def put_off(self, point: Point) -> None:
        """Let nobody be struck at a moment until `allow`."""
        (self.folder / point).touch()

    def allow(self, point: Point) -> None:
        """Let the next process that comes to a moment that was put off be struck."""
        (self.folder / point).unlink()

    def left(self) -> set[str]:
        """The moments that no process has come to yet."""
        return {point for point in self.points if not (self.folder / point).exists()}

    def __str__(self) -> str:
        return f"a process at {', '.join(sorted(self.left()))}"
