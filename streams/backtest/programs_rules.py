"""Checks the sequences told to people: found in a user's first half, held in the second."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from streams.models.programs import Rule, UserPrograms, sequences

if TYPE_CHECKING:
    from streams.backtest.programs_rows import Launch

LEAST_SUPPORT = 20
LEAST_PROBABILITY = 0.8
WIDEST = 0.25 + 1e-9  # an interval of exactly 0.25, as rounded
LEAST_OCCURRENCES = 5


class RuleCheck:
    """Takes each user's rules at half of the rows, and counts in the rest whether they hold."""

    def __init__(self, launches: "list[Launch]") -> None:
        self._total = Counter(launch.user for launch in launches)
        self._count: Counter[str] = Counter()
        self._rules: dict[str, list[Rule]] = {}
        self._rest: dict[str, list[Launch]] = {}

    def passed(self, launch: "Launch", user: UserPrograms) -> None:
        """Take a row that the user's state has learned."""
        self._count[launch.user] += 1
        if launch.user in self._rules:
            self._rest[launch.user].append(launch)
        elif self._count[launch.user] >= self._total[launch.user] // 2:
            self._rules[launch.user] = [rule for rule in sequences(user) if _is_strong(rule)]
            self._rest[launch.user] = []

    def result(self) -> dict[str, Any]:
        """Return how many rules were found, could be checked, and held."""
        found = checked = held = 0
        for user, rules in self._rules.items():
            for rule in rules:
                found += 1
                came = _outcomes(rule, self._rest[user])
                if len(came) >= LEAST_OCCURRENCES:
                    checked += 1
                    held += bool(sum(came) / len(came) >= rule.low)
        return {"found": found, "checked": checked, "held": held}


def _is_strong(rule: Rule) -> bool:
    return (
        rule.support >= LEAST_SUPPORT
        and rule.probability >= LEAST_PROBABILITY
        and rule.high - rule.low <= WIDEST
    )


def _outcomes(rule: Rule, rows: "list[Launch]") -> list[bool]:
    """Tell for each launch of `first` whose window the record holds whether `then` followed."""
    came = []
    end_s = rows[-1].time_s if rows else 0.0
    for number, row in enumerate(rows):
        if row.program != rule.first or row.time_s + rule.window_s > end_s:
            continue
        came.append(False)
        for later in rows[number + 1 :]:
            if later.time_s > row.time_s + rule.window_s:
                break
            if later.program == rule.then and later.time_s > row.time_s:
                came[-1] = True
                break
    return came
