"""Every command that the docs tell is one that the command line takes, options included."""

import re
from typing import Any

import pytest
import typer

from streams.cli import GROUPS, build
from tests.testkit.documented import PAGES, REPOSITORY, Documented, in_blocks, in_passing

TOLD = sorted(
    {command for page in PAGES for find in (in_blocks, in_passing) for command in find(page)},
    key=str,
)


def parsed(words: tuple[str, ...]) -> Any:
    """The context of a command that is parsed and not run; raises what the parser complains of."""
    command: Any = typer.main.get_command(build(list(words)))
    depth = 2 if words[0] in GROUPS else 1
    for word in words[:depth]:
        command = command.commands[word]
    return command.make_context(" ".join(words[:depth]), list(words[depth:]))


def test_the_docs_tell_commands() -> None:
    assert len(TOLD) >= 30
    assert len({command.page for command in TOLD}) >= 10


@pytest.mark.parametrize("told", TOLD, ids=str)
def test_the_parser_takes_it(told: Documented) -> None:
    assert parsed(told.words).args == []  # nothing is left over


def test_the_parser_does_not_take_everything() -> None:
    with pytest.raises(Exception, match="No such option"):
        parsed(("forecast", "office", "--no-such-option"))


MAKE = re.compile(r"(?:`|^ {4}|^)make ([a-z-]+(?: [a-z-]+)*)(?=`|\n|  | [A-Z])", re.MULTILINE)


def test_targets_of_make_exist() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    for page in PAGES:
        for line in MAKE.findall(page.read_text(encoding="utf-8")):
            assert set(line.split()) <= targets, f"{page.name}: make {line}"
