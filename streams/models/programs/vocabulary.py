"""The programs that one user has launched: names as small numbers, when and how often."""

import hashlib
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import numpy.typing as npt

# Number of every program that has been forgotten, or whose name is too long to keep.
FORGOTTEN = 0
# The most of the recordings is 1,640 in a year (CTC), the median user has 5. A number takes a byte.
MAX_PROGRAMS = 255
MAX_NAME_BYTES = 200
MAX_NAMES_BYTES = 3_000

# Columns of `Vocabulary.use`, one row per program.
LAUNCHES, LAST_LAUNCH, LAST_MS, COLUMNS = 0, 1, 2, 3


def program_hash(name: str) -> int:
    """Return the 63-bit number by which a program is known across users.

    Examples
    --------
    >>> program_hash("vim") == program_hash("vim") != program_hash("Vim")
    True
    """
    # A message may hold a name of 4 MB: what is too long for a vocabulary is not remembered here.
    return _hash_remembered(name) if len(name) <= MAX_NAME_BYTES else _hash(name)


# Hashing takes 1 us; each launch asks thrice, decoding a user for all names.
REMEMBERED = 65_536


def _hash(name: str) -> int:
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


_hash_remembered = lru_cache(maxsize=REMEMBERED)(_hash)


class Vocabulary:
    """Bounded map between program names and numbers from 1 on; the stalest name gives way.

    Attributes
    ----------
    use
        Launches, number of the last launch (counted from 1) and its time in ms; shape
        (programs + 1, 3), int64. Row 0 is unused.
    hashes
        `program_hash` of each, shape (programs + 1,), int64.

    Examples
    --------
    >>> v = Vocabulary()
    >>> v.intern("vim"), v.intern("make"), v.intern("vim")
    (1, 2, 1)
    """

    def __init__(self) -> None:
        self.names: list[str] = [""]
        self.use = np.zeros((1, COLUMNS), np.int64)
        self.hashes = np.zeros(1, np.int64)
        self._numbers: dict[str, int] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self.names) - 1

    def __iter__(self) -> Iterator[str]:
        return iter(self.names[1:])

    def number(self, name: str) -> int:
        """Return a program's number, 0 where it is not known."""
        return self._numbers.get(name, FORGOTTEN)

    def intern(self, name: str) -> int:
        """Return a program's number, given to it now if need be and if the name can be kept."""
        known = self._numbers.get(name)
        if known is not None:
            return known
        size = name_bytes(name)
        if not 0 < size <= MAX_NAME_BYTES:
            return FORGOTTEN
        self._bytes += size
        self._numbers[name] = len(self.names)
        self.names.append(name)
        self.use = np.vstack((self.use, np.zeros((1, COLUMNS), np.int64)))
        self.hashes = np.append(self.hashes, program_hash(name))
        return len(self.names) - 1

    @property
    def overfull(self) -> bool:
        """Whether names have to go."""
        return len(self) > MAX_PROGRAMS or self._bytes > MAX_NAMES_BYTES

    @property
    def size_bytes(self) -> int:
        """Bytes that names and counts take when saved, 6 for each beside its text."""
        return self._bytes + 6 * len(self)

    def freshest(self) -> npt.NDArray[np.int64]:
        """Return the numbers of all but the stalest quarter of names, ascending."""
        order = np.argsort(self.use[1:, LAST_LAUNCH], kind="stable") + 1
        return np.sort(order[max(1, len(order) // 4) :])

    def keep(self, kept: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """Forget all names but these, ascending; return the new number of each old one."""
        renumbered = np.zeros(len(self.names), np.int32)
        renumbered[kept] = np.arange(1, len(kept) + 1)
        self._fill([self.names[k] for k in kept], self.use[kept])
        return renumbered

    def _fill(self, names: list[str], use: npt.NDArray[np.int64]) -> None:
        self.names = ["", *names]
        self._numbers = {name: k for k, name in enumerate(self.names) if k}
        self._bytes = sum(name_bytes(name) for name in names)
        self.use = np.vstack((np.zeros((1, COLUMNS), np.int64), use))
        self.hashes = np.array([0, *(program_hash(name) for name in names)], np.int64)

    @classmethod
    def of(cls, names: list[str], use: npt.NDArray[np.int64]) -> "Vocabulary":
        """Return a saved vocabulary; raises ValueError where it can't be one."""
        if use.shape != (len(names), COLUMNS) or len(set(names)) != len(names):
            raise ValueError("the vocabulary's names and counts do not fit together")
        vocabulary = cls()
        vocabulary._fill(names, use)
        if vocabulary.overfull or any(not 0 < name_bytes(n) <= MAX_NAME_BYTES for n in names):
            raise ValueError("the vocabulary exceeds its bounds")
        return vocabulary


def name_bytes(name: str) -> int:
    """Return the size of a name in UTF-8, 0 where it is no text and can't be kept."""
    try:
        return len(name.encode())
    except UnicodeEncodeError:
        return 0
