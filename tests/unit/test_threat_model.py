"""The threat model names tests that exist, and what is installed is what was locked."""

import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "docs" / "explanation" / "threat-model.md"


def rows() -> list[list[str]]:
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def test_each_row_names_a_test_that_exists() -> None:
    assert len(rows()) >= 15
    for attack, done, shown in rows():
        assert attack
        assert done
        path, _, test = shown.strip("`").partition("::")
        source = (REPOSITORY / path).read_text()
        assert "def test_" in source
        assert f"def {test}(" in source or not test, f"{attack}: no {test} in {path}"


def test_every_locked_package_has_a_hash() -> None:
    lock = (REPOSITORY / "requirements.lock").read_text()
    packages = re.split(r"\n(?=[a-z0-9])", re.sub(r"^#.*\n", "", lock, flags=re.MULTILINE))
    assert len(packages) > 100
    for package in packages:
        assert re.match(r"[A-Za-z0-9._\-\[\],]+==", package), package[:80]
        assert "--hash=sha256:" in package, package[:80]
