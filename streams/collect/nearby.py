"""Brings near what the next program will touch: this host reads files ahead of their use.

Topics hold hashes of paths only. This collector hashed them, so it can tell which of its files a
prediction means; it asks the kernel to read them into the page cache. Paths stay in its memory.
"""

import os
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from schemas.records import ProgramPrediction

MOST_PATHS = 20_000
# A file is worth reading if more likely than not it is used; reading it twice is worth nothing.
LEAST_P = 0.5
AGAIN_S = 300.0
LARGEST_BYTES = 256 * 2**20
BYTES_PER_S = 20e6  # a tenth of what a slow disk reads


def read_ahead(path: str, most_bytes: int) -> int:
    """Have the kernel read a file into its cache; return the bytes asked for, 0 if it can't be.

    Parameters
    ----------
    path
        The file; only a regular one is read.
    most_bytes
        A larger file is left alone.
    """
    if not hasattr(os, "posix_fadvise") or not Path(path).is_file():
        return 0
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        size = os.fstat(descriptor).st_size
        if not 0 < size <= most_bytes:
            return 0
        os.posix_fadvise(descriptor, 0, size, os.POSIX_FADV_WILLNEED)
        return size
    finally:
        os.close(descriptor)


class Nearby:
    """Reads ahead what predictions name, within a budget of bytes.

    Parameters
    ----------
    read
        Reads a file ahead, given its path and the most bytes; returns the bytes asked for.
    bytes_per_s
        Budget; unused, it adds up for ten seconds.

    Examples
    --------
    >>> asked = []
    >>> nearby = Nearby(lambda path, most: asked.append(path) or 100)
    >>> nearby.saw("ada", "00000000deadbeef", "/data/model.bin")
    >>> from schemas.records import DataTouch
    >>> prediction = ProgramPrediction(
    ...     prediction_id="i", user="ada", after_program="vim", made_at=0, candidates=[], model="m",
    ...     data=[DataTouch(data_ref="00000000deadbeef", p=0.9)],
    ... )
    >>> nearby.bring(prediction, now_s=0.0), nearby.bring(prediction, now_s=1.0), asked
    (100, 0, ['/data/model.bin'])
    """

    def __init__(
        self, read: Callable[[str, int], int] = read_ahead, bytes_per_s: float = BYTES_PER_S
    ) -> None:
        self._read = read
        self._bytes_per_s = bytes_per_s
        self._paths: OrderedDict[str, str] = OrderedDict()
        self._read_at_s: dict[str, float] = {}
        self._users: set[str] = set()
        self._budget = 10.0 * bytes_per_s
        self._now_s: float | None = None
        self.brought = 0  # bytes

    def saw(self, user: str, ref: str, path: str) -> None:
        """Remember a user of this host, and which file a reference means (the newest of them)."""
        self._users.add(user)
        self._paths[ref] = path
        self._paths.move_to_end(ref)
        if len(self._paths) > MOST_PATHS:
            gone, _ = self._paths.popitem(last=False)
            self._read_at_s.pop(gone, None)

    def bring(self, prediction: ProgramPrediction, now_s: float) -> int:
        """Read ahead what a prediction of a user here names; return the bytes asked for."""
        if prediction.user not in self._users:
            return 0
        if self._now_s is not None:
            earned = self._bytes_per_s * max(0.0, now_s - self._now_s)
            self._budget = min(10.0 * self._bytes_per_s, self._budget + earned)
        self._now_s = now_s
        return sum(self._bring(touch.data_ref, touch.p, now_s) for touch in prediction.data)

    def _bring(self, ref: str, p: float, now_s: float) -> int:
        path = self._paths.get(ref)
        lately = now_s - self._read_at_s.get(ref, -AGAIN_S) < AGAIN_S
        if path is None or p < LEAST_P or lately or self._budget <= 0.0:
            return 0
        size = self._read(path, min(LARGEST_BYTES, round(self._budget)))
        self._read_at_s[ref] = now_s
        self._budget -= size
        self.brought += size
        return size
