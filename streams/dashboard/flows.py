"""Who tends to launch what after what, counted from the predictions' own record of launches.

Each prediction names the program it was made after; two of one user in a row are a transition, and
the first of them said with which probability it would come.
"""

from collections import Counter, defaultdict
from typing import Any

from schemas.records import ProgramPrediction
from streams.dashboard.newest import Newest

USERS_KEPT = 5_000
PAIRS_KEPT = 5_000
# Per transition, so many users are told apart; more are counted together.
USERS_PER_PAIR = 50
PROGRAMS_SHOWN = 12


class Pair:
    """One transition."""

    __slots__ = ("count", "said", "users")

    def __init__(self) -> None:
        self.count = 0
        self.said = 0.0
        self.users: Counter[str] = Counter()

    def add(self, user: str, said: float) -> None:
        """Count one, which was forecast with probability `said`."""
        self.count += 1
        self.said += said
        if user in self.users or len(self.users) < USERS_PER_PAIR:
            self.users[user] += 1


class Flows:
    """All transitions since the feed began."""

    def __init__(self) -> None:
        self._last = Newest[str, ProgramPrediction](USERS_KEPT)
        self._pairs = Newest[tuple[str, str], Pair](PAIRS_KEPT)
        self.transitions = 0
        self.first_right = 0

    def take(self, record: ProgramPrediction) -> bool:
        """Count a user's next launch; a repeat gives False and changes nothing."""
        before = self._last.get(record.user)
        if before is not None:
            if record.prediction_id == before.prediction_id or record.made_at < before.made_at:
                return False
            self._count(before, record)
        self._last.put(record.user, record)
        return True

    def forget(self, user: str) -> None:
        """Keep nothing of a user but their part in the sums of all."""
        self._last.drop(user)
        for pair in self._pairs.values():
            pair.users.pop(user, None)

    def last(self, user: str) -> ProgramPrediction | None:
        """Return what was predicted for a user last."""
        return self._last.get(user)

    def shown(self, user: str = "", programs: int = PROGRAMS_SHOWN) -> dict[str, Any]:
        """Return the transitions between the most used programs, of all users or of one."""
        counts = {
            key: pair.users[user] if user else pair.count
            for key, pair in zip(self._pairs, self._pairs.values(), strict=True)
        }
        used: dict[str, int] = defaultdict(int)
        for (first, then), count in counts.items():
            used[first] += count
            used[then] += count
        top = [p for p, n in sorted(used.items(), key=lambda item: (-item[1], item[0])) if n]
        chosen = set(top[:programs])
        pairs = [
            self._row(key, count, self._pairs.get(key))
            for key, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
            if count and chosen.issuperset(key)
        ]
        return {
            "programs": top[:programs],
            "left_out": max(0, len(top) - programs),
            "pairs": pairs,
            "transitions": self.transitions,
            "first_right": self.first_right / self.transitions if self.transitions else None,
            "user": user,
        }

    def _count(self, before: ProgramPrediction, record: ProgramPrediction) -> None:
        said = {c.program: c.p_next for c in before.candidates}
        key = (before.after_program, record.after_program)
        pair = self._pairs.get(key) or Pair()
        pair.add(record.user, said.get(record.after_program, 0.0))
        self._pairs.put(key, pair)
        self.transitions += 1
        best = max(before.candidates, key=lambda c: c.p_next, default=None)
        self.first_right += best is not None and best.program == record.after_program

    def _row(self, key: tuple[str, str], count: int, pair: Pair | None) -> dict[str, Any]:
        assert pair is not None  # noqa: S101 - keys come from the pairs themselves
        return {
            "first": key[0],
            "then": key[1],
            "count": count,
            "said": pair.said / pair.count,
            "users": [{"user": u, "count": n} for u, n in pair.users.most_common(5)],
            "user_count": len(pair.users),
            "users_cut": len(pair.users) >= USERS_PER_PAIR,
        }
