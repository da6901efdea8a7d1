"""Follows people through sequences of programs: declared ones, and those that everybody follows.

A declared workflow is critical: who is in the midst of one must not wait. A sequence is learned
where one program follows another nearly always; such pairs chain to sequences of any length, and
each step is foreseen when the one before it begins.

References
----------
Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. JASA 22.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from schemas.shadow import Workflow

# A pair is a rule once it was seen so often and its lower limit (95 %) is that high.
LEAST_SUPPORT = 20
LEAST_SHARE = 0.8
Z = 1.96
MOST_PEOPLE = 20_000
MOST_PAIRS = 4_096
# Who starts nothing for so long has left the workflow.
PAUSE_MS = 2 * 3_600_000
# One normal second of waiting within a learned sequence counts as so many.
LEARNED_WEIGHT = 1.2


class Person(msgspec.Struct, array_like=True):
    """Where somebody is: the last program, when, and how far in each declared workflow."""

    program: str
    time_ms: int
    places: dict[str, int]


class _Wire(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    people: dict[str, Person]
    pairs: dict[str, dict[str, int]]


@dataclass(slots=True)
class WorkflowBook:
    """Positions of people in workflows, and the pairs that teach new ones.

    Parameters
    ----------
    declared
        The operator's workflows.

    Examples
    --------
    >>> book = WorkflowBook([Workflow(name="build", programs=("editor", "compiler", "tests"))])
    >>> book.launched("ada", "editor", 0)
    >>> book.weight("ada", "compiler"), book.weight("ada", "mail")
    (2.0, 1.0)
    >>> book.launched("ada", "compiler", 60_000); book.weight("ada", "tests")
    2.0
    """

    declared: Sequence[Workflow] = ()
    people: dict[str, Person] = field(default_factory=dict)
    pairs: dict[str, dict[str, int]] = field(default_factory=dict)

    def launched(self, user: str, program: str, time_ms: int) -> None:
        """Take a launch in; one that is older than the user's last says nothing."""
        person = self.people.pop(user, None)
        if person is None or time_ms - person.time_ms > PAUSE_MS:
            person = Person("", time_ms, {})
        elif time_ms < person.time_ms:
            self.people[user] = person
            return
        if person.program:
            self._count(person.program, program)
        places = {w.name: _next_place(w, person.places.get(w.name, 0), program)
                  for w in self.declared}  # fmt: skip
        person.program, person.time_ms = program, time_ms
        person.places = {name: place for name, place in places.items() if place}
        self.people[user] = person
        if len(self.people) > MOST_PEOPLE:
            del self.people[next(iter(self.people))]

    def weight(self, user: str, program: str) -> float:
        """Return how many normal seconds a second of waiting counts as, if this comes next."""
        person = self.people.get(user)
        if person is None:
            return 1.0
        weights = [1.0]
        for workflow in self.declared:
            place = person.places.get(workflow.name, 0)
            if 0 < place < len(workflow.programs) and workflow.programs[place] == program:
                weights.append(workflow.critical)
        if self.follows(person.program) == program:
            weights.append(LEARNED_WEIGHT)
        return max(weights)

    def follows(self, program: str) -> str | None:
        """Return what nearly always follows a program, where that has been learned."""
        counts = self.pairs.get(program)
        if not counts:
            return None
        best = max(counts, key=lambda name: (counts[name], name))
        total = sum(counts.values())
        return best if lower_limit(counts[best], total) >= LEAST_SHARE else None

    def sequence(self, program: str, most: int = 8) -> list[str]:
        """Return the learned sequence that begins with a program, itself included."""
        found = [program]
        while len(found) < most:
            after = self.follows(found[-1])
            if after is None or after in found:
                break
            found.append(after)
        return found

    def _count(self, before: str, after: str) -> None:
        counts = self.pairs.pop(before, {})
        counts[after] = counts.get(after, 0) + 1
        if sum(counts.values()) > 10 * LEAST_SUPPORT:
            counts = {name: n // 2 for name, n in counts.items() if n > 1}
        self.pairs[before] = counts
        if len(self.pairs) > MOST_PAIRS:
            del self.pairs[next(iter(self.pairs))]

    def to_bytes(self) -> bytes:
        """Return the state as bytes."""
        return msgspec.msgpack.encode(_Wire(self.people, self.pairs))

    @classmethod
    def from_bytes(cls, data: bytes, declared: Sequence[Workflow]) -> "WorkflowBook":
        """Return a saved book; raises ValueError for bytes that are none."""
        try:
            wire = msgspec.msgpack.decode(data, type=_Wire)
        except msgspec.DecodeError as error:
            raise ValueError(f"no state of workflows: {error}") from error
        return cls(declared, wire.people, wire.pairs)


def _next_place(workflow: Workflow, place: int, program: str) -> int:
    """Return how many of a workflow's programs have been started, in their order, by now."""
    if place < len(workflow.programs) and workflow.programs[place] == program:
        return place + 1
    if place and workflow.programs[place - 1] == program:
        return place  # the same step once more
    return 1 if workflow.programs[0] == program else 0


def lower_limit(hits: int, trials: int) -> float:
    """Lower 95 % limit of a share (Wilson); 0 below the least support.

    Examples
    --------
    >>> lower_limit(19, 19), round(lower_limit(20, 20), 2), round(lower_limit(90, 100), 2)
    (0.0, 0.84, 0.83)
    """
    if trials < LEAST_SUPPORT:
        return 0.0
    share, z2 = hits / trials, Z * Z
    middle = share + z2 / (2 * trials)
    spread = Z * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials * trials))
    return (middle - spread) / (1 + z2 / trials)
