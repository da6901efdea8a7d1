"""Reads a JUnit file and fails when what had to run didn't: `python -m tests.testkit.gate FILE`.

A green run says little when its broker tests were skipped. Allowed skips are those for something
that is really absent on this machine: the recordings in ../shared, a Docker engine, or a kernel
that tells this process of others.
"""

# ruff: noqa: T201 - a command prints

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.testkit.broker import docker_answers
from tests.testkit.kernel_events import NAME, kernel_tells

CHECKOUT = Path(__file__).resolve().parents[2]
REQUIRED = ("integration", "e2e", "faults")


@dataclass(frozen=True, slots=True)
class Case:
    """One test of the file: the folder it is in, its name, and why it was skipped."""

    kind: str
    name: str
    skipped: str | None


def read_cases(file: Path) -> list[Case]:
    """Return the tests of a JUnit file as pytest writes it."""
    return [_case(element) for element in ET.parse(file).getroot().iter("testcase")]


def absent_here() -> set[str]:
    """Return what a skip's reason may name, because this machine hasn't got it."""
    absent = set()
    if not (CHECKOUT.parent / "shared").exists():
        absent.add("../shared")
    if not docker_answers():
        absent.add("Docker")
    if not kernel_tells():
        absent.add(NAME)
    return absent


def complaints(cases: list[Case], absent: set[str]) -> Iterator[str]:
    """Yield what is wrong with a run whose tests all passed."""
    ran = counts(cases)
    for kind in REQUIRED:
        if not ran[kind]:
            yield f"no {kind} test ran"
    for case in cases:
        if case.skipped is not None and not any(word in case.skipped for word in absent):
            yield f"{case.name} was skipped: {case.skipped or 'no reason given'}"


def counts(cases: list[Case]) -> Counter[str]:
    """Return how many tests of each folder ran."""
    return Counter(case.kind for case in cases if case.skipped is None)


def main(file: Path) -> int:
    """Print the counts and the complaints; return the exit code."""
    cases = read_cases(file)
    wrong = list(complaints(cases, absent_here()))
    skipped = sum(case.skipped is not None for case in cases)
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(counts(cases).items()))
    print(f"gate: {len(cases) - skipped} tests ran ({kinds}), {skipped} skipped")
    for complaint in wrong:
        print(f"gate: {complaint}", file=sys.stderr)
    print("gate: FAILED" if wrong else "gate: passed")
    return 1 if wrong else 0


def _case(element: ET.Element) -> Case:
    place = element.get("classname", "").split(".")
    kind = place[1] if place[0] == "tests" and len(place) > 1 else "doctest"
    skipped = element.find("skipped")
    reason = None if skipped is None else skipped.get("message", "") + (skipped.text or "")
    return Case(kind, f"{'.'.join(place)}::{element.get('name')}", reason)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
