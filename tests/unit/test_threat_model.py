"""The threat model names tests that exist, and what is installed is what was locked."""

import ast
import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "docs" / "explanation" / "threat-model.md"


def rows() -> list[list[str]]:
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def test_each_row_names_a_test_that_exists() -> None:
    assert len(rows()) >= 25
    for attack, done, shown in rows():
        assert attack
        assert done
        path, _, test = shown.strip("`").partition("::")
        tree = ast.parse((REPOSITORY / path).read_text())
        found = [node for node in tree.body if getattr(node, "name", "") == test]
        assert len(found) == 1, f"{attack}: no {test} in {path}"
        assert asserts(found[0], tree), f"{attack}: {test} asserts nothing"
        assert "skip" not in ast.unparse(found[0]), f"{attack}: {test} may be skipped"


def asserts(test: ast.AST, tree: ast.Module) -> bool:
    """Whether a test, or a function of its file that it calls, asserts or expects an exception."""
    names = {node.id for node in ast.walk(test) if isinstance(node, ast.Name)}
    called = [node for node in tree.body if getattr(node, "name", None) in names]
    said = [node for part in (test, *called) for node in ast.walk(part)]
    return any(
        isinstance(node, ast.Assert)
        or (isinstance(node, ast.Attribute) and node.attr in {"raises", "verify"})
        for node in said
    )


def test_every_locked_package_has_a_hash() -> None:
    lock = (REPOSITORY / "requirements.lock").read_text()
    packages = re.split(r"\n(?=[a-z0-9])", re.sub(r"^#.*\n", "", lock, flags=re.MULTILINE))
    assert len(packages) > 100
    for package in packages:
        assert re.match(r"[A-Za-z0-9._\-\[\],]+==", package), package[:80]
        assert "--hash=sha256:" in package, package[:80]
