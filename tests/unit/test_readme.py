"""The README is true: its commands exist, its links lead somewhere."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from schemas.topics import BY_NAME
from streams.cli import COMMANDS, GROUPS, build

REPOSITORY = Path(__file__).parents[2]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def test_links_lead_to_files() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (REPOSITORY / target).exists(), target


def test_named_commands_exist() -> None:
    for name in re.findall(r"`(?:\.venv/bin/)?warmfront (\w+)", README):
        assert name in COMMANDS or name in GROUPS, name


def test_every_command_is_named() -> None:
    missing = [name for name in COMMANDS | GROUPS if f"`{name}" not in README]
    assert missing == []


def test_named_topics_exist() -> None:
    for name in re.findall(r"^\| ([a-z]+\.[a-z]+) \|", README, re.MULTILINE):
        assert name in BY_NAME


@pytest.mark.parametrize("name", [*COMMANDS, *(f"{g} {c}" for g in GROUPS for c in GROUPS[g])])
def test_each_command_tells_what_it_does(name: str) -> None:
    words = name.split()
    run = CliRunner().invoke(build(words), [*words, "--help"], prog_name="warmfront")
    assert run.exit_code == 0, run.output
    assert f"Usage: warmfront {name}" in run.output
