"""How often one program follows another within five minutes, over the users of a group.

Built anew from the users' kept histories whenever it is asked for, so it holds nothing of who is
forgotten or has not been active. Integers merge over partitions in any order to the same bits.
"""

from typing import Annotated

import msgspec
import numpy as np

from streams.models.cycles.section import decode_section, encode_section
from streams.models.programs import UserPrograms
from streams.models.programs.rules import LATEST, WINDOW_S
from streams.models.programs.within import outcomes, pair_counts

_VERSION = 1
# A user counts with at most so many of the newest launches of a program, so that no one's habit
# passes for the group's; and with so many programs.
MOST_OCCASIONS = 100
MOST_PROGRAMS = 24
LEAST_OCCASIONS = 5
MOST_PAIRS = 4000
UNIT = 1000  # frequencies of a user are summed in whole 1/1000

_Count = Annotated[int, msgspec.Meta(ge=0, lt=2**62)]


class Start(msgspec.Struct, array_like=True):
    """Launches of a program: of how many users, how many, and how many of the latest."""

    users: _Count = 0
    occasions: _Count = 0
    latest: _Count = 0

    def plus(self, other: "Start") -> "Start":
        """Return both together."""
        return Start(
            self.users + other.users, self.occasions + other.occasions, self.latest + other.latest
        )


class Follow(msgspec.Struct, array_like=True):
    """What followed a program: of how many users, how often, and each user's frequency summed."""

    users: _Count = 0
    hits: _Count = 0
    latest: _Count = 0
    shares: _Count = 0
    squares: _Count = 0

    def plus(self, other: "Follow") -> "Follow":
        """Return both together."""
        return Follow(
            self.users + other.users, self.hits + other.hits, self.latest + other.latest,
            self.shares + other.shares, self.squares + other.squares,
        )  # fmt: skip


class _State(msgspec.Struct, array_like=True):
    users: _Count
    starts: dict[str, Start]
    follows: list[tuple[str, str, Follow]]


_DECODER = msgspec.msgpack.Decoder(_State)


class GroupCounts:
    """Occasions and followers over users.

    Attributes
    ----------
    users
        Users counted.
    starts
        By program, its launches.
    follows
        By two programs, how often the second followed the first.

    Examples
    --------
    >>> user = UserPrograms()
    >>> for k in range(80):
    ...     user.record("make" if k % 2 else "vim", 30.0 * k + 900.0 * (k // 2))
    >>> counts = GroupCounts()
    >>> counts.add(user)
    >>> counts.starts["vim"].occasions, counts.follows["vim", "make"].hits
    (39, 39)
    """

    __slots__ = ("follows", "starts", "users")

    def __init__(self) -> None:
        self.users = 0
        self.starts: dict[str, Start] = {}
        self.follows: dict[tuple[str, str], Follow] = {}

    def add(self, user: UserPrograms) -> None:
        """Count one user's history."""
        self.users += 1
        h, names, window_ms = user.history, user.vocabulary.names, round(WINDOW_S * 1000)
        if not h.length:
            return
        occasions, hits = pair_counts(h.fields, h.clock, h.length, len(names) - 1, window_ms)
        order = np.argsort(-occasions, kind="stable").tolist()
        firsts = [a for a in order if a and occasions[a] >= LEAST_OCCASIONS][:MOST_PROGRAMS]
        for a in firsts:
            total = min(int(occasions[a]), MOST_OCCASIONS)
            start = Start(1, total, min(total, LATEST))
            self.starts[names[a]] = self.starts.get(names[a], Start()).plus(start)
            for b in np.flatnonzero(hits[a]).tolist():
                if b:
                    came = outcomes(h.fields, h.clock, h.length, a, b, window_ms)[-MOST_OCCASIONS:]
                    self._follow(names[a], names[b], came.tolist())

    def _follow(self, first: str, then: str, came: list[bool]) -> None:
        share = sum(came) * UNIT // len(came)
        follow = Follow(int(any(came)), sum(came), sum(came[-LATEST:]), share, share * share)
        self.follows[first, then] = self.follows.get((first, then), Follow()).plus(follow)

    def merge(self, other: "GroupCounts") -> None:
        """Add other users."""
        self.users += other.users
        for name, start in other.starts.items():
            self.starts[name] = self.starts.get(name, Start()).plus(start)
        for pair, follow in other.follows.items():
            self.follows[pair] = self.follows.get(pair, Follow()).plus(follow)

    def to_bytes(self) -> bytes:
        """In order, and of the pairs those of most users: equal counts give equal bytes."""
        used = sorted(self.starts.items(), key=lambda item: (-item[1].users, item[0]))
        starts = dict(sorted(used[:MOST_PAIRS]))
        ranked = sorted(self.follows.items(), key=lambda item: (-item[1].users, item[0]))
        kept = [(*pair, follow) for pair, follow in ranked if pair[0] in starts][:MOST_PAIRS]
        follows = sorted(kept, key=lambda row: row[:2])
        return encode_section(_VERSION, _State(self.users, starts, follows))

    @classmethod
    def from_bytes(cls, data: bytes) -> "GroupCounts":
        """Return saved counts; raises ValueError for bytes that are none."""
        state = decode_section("group counts", _VERSION, _DECODER, data)
        counts = cls()
        counts.users, counts.starts = state.users, state.starts
        counts.follows = {(a, b): follow for a, b, follow in state.follows}
        if len(counts.follows) != len(state.follows) or len(state.follows) > MOST_PAIRS:
            raise ValueError("group counts: too many pairs, or one of them twice")
        if not all(_fits(counts.starts.get(a), f) for (a, _), f in counts.follows.items()):
            raise ValueError("group counts: more followed a program than was launched")
        return counts

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GroupCounts) and self.to_bytes() == other.to_bytes()

    __hash__ = None  # type: ignore[assignment]  # counts change


def _fits(start: Start | None, follow: Follow) -> bool:
    if start is None or min(start.users, start.latest) <= 0 or start.latest > start.occasions:
        return False
    within = (start.users, start.occasions, start.latest, UNIT * start.users)
    seen = (follow.users, follow.hits, follow.latest, follow.shares)
    return all(a <= b for a, b in zip(seen, within, strict=True))
