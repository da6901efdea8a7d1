"""Sums of integers by number, few of many: what partitions add up and merge in any order."""

import zlib

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]

# Pieces are added up once there are this many: adding each at once would cost more than learning.
PIECES = 64
MAX_BYTES = 64 << 20


class Sums:
    """Sparse vector of int64, added to piece by piece.

    Examples
    --------
    >>> a, b = Sums(), Sums()
    >>> a.add(np.array([7, 3, 7]), np.array([1, 2, 4]))
    >>> b.add(np.array([3]), np.array([-2]))
    >>> a.merge(b)
    >>> a.items()
    (array([7]), array([5]))
    >>> Sums.from_bytes(a.to_bytes()).items()
    (array([7]), array([5]))
    """

    def __init__(self) -> None:
        self._pieces: list[tuple[Integers, Integers]] = []

    def add(self, numbers: Integers, values: Integers) -> None:
        """Add values under their numbers, which may repeat."""
        self._pieces.append((numbers, values))
        if len(self._pieces) >= PIECES:
            self.items()

    def merge(self, other: "Sums") -> None:
        """Add another's sums."""
        self.add(*other.items())

    def items(self) -> tuple[Integers, Integers]:
        """Return the numbers, ascending, and their sums, none of them 0."""
        if not self._pieces:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        numbers = np.concatenate([piece[0] for piece in self._pieces])
        values = np.concatenate([piece[1] for piece in self._pieces])
        unique, where = np.unique(numbers, return_inverse=True)
        sums = np.zeros(len(unique), np.int64)
        np.add.at(sums, where, values)
        kept = sums != 0
        self._pieces = [(unique[kept], sums[kept])]
        return self._pieces[0]

    def to_bytes(self) -> bytes:
        """Return the sums as bytes, as compact as they are few and small."""
        numbers, sums = self.items()
        steps = np.diff(numbers, prepend=0)
        planes = [_planes(column) for column in (steps, _zigzag(sums))]
        return len(numbers).to_bytes(4, "little") + zlib.compress(b"".join(planes), 6)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Sums":
        """Return saved sums; raises ValueError for bytes that are none."""
        count = int.from_bytes(data[:4], "little")
        try:
            plain = zlib.decompressobj().decompress(data[4:], MAX_BYTES)
        except zlib.error as error:
            raise ValueError(f"no sums: {error}") from error
        if len(data) < 4 or len(plain) != 16 * count:
            raise ValueError(f"{len(plain)} bytes of sums, {count} sums need {16 * count}")
        numbers = np.cumsum(_joined(plain[: 8 * count]))
        if count and (np.diff(numbers) <= 0).any():
            raise ValueError("the numbers of the sums do not ascend")
        sums = cls()
        sums.add(numbers, _unzigzag(_joined(plain[8 * count :])))
        return sums


def _zigzag(values: Integers) -> Integers:
    """Small numbers of both signs as small positive ones."""
    return (values << 1) ^ (values >> 63)


def _unzigzag(values: Integers) -> Integers:
    shifted = (values.view(np.uint64) >> np.uint64(1)).view(np.int64)
    return shifted ^ -(values & 1)


def _planes(values: Integers) -> bytes:
    """First all lowest bytes, then all second ones: the high planes are zero and vanish."""
    return values.astype("<i8").view(np.uint8).reshape(-1, 8).T.tobytes()


def _joined(planes: bytes) -> Integers:
    columns = np.frombuffer(planes, np.uint8).reshape(8, -1)
    return np.ascontiguousarray(columns.T).view("<i8").reshape(-1).astype(np.int64)
