"""The commands that the README and the pages of docs/ tell people to type."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
# Blocks of these languages hold no commands.
OTHER = {"python", "json", "toml", "yaml", "sql", "mermaid"}
INDENTED = re.compile(r"(?:^ {4}.*\n)+", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Documented:
    """A command line of ours, the variables set before it, and the page that tells it."""

    page: str
    words: tuple[str, ...]
    variables: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return f"{self.page}: {shlex.join(self.words)}"


def in_blocks(page: Path) -> Iterator[Documented]:
    """What stands in a block of its own, indented or fenced, without its remarks."""
    text = page.read_text(encoding="utf-8")
    fenced = re.findall(r"^```(\w*)[^\n]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [body for language, body in fenced if language not in OTHER]
    lines += INDENTED.findall(_unfenced(text))
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if words := _ours(line.partition("|")[0]):
            variables = re.findall(r"\b([A-Z_]+)=(\S+)", line.partition("warmfront ")[0])
            yield Documented(page.name, words, tuple(variables))


def in_passing(page: Path) -> Iterator[Documented]:
    """What a sentence names with options; brackets around what may be left out are dropped."""
    sentences = INDENTED.sub("", _unfenced(page.read_text(encoding="utf-8")))
    for code in re.findall(r"`([^`]*warmfront [^`]*--[^`]*)`", sentences):
        if words := _ours(re.sub(r"[\[\]]", "", code)):
            yield Documented(page.name, words)


def _unfenced(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def _ours(line: str) -> tuple[str, ...]:
    """Return the words after the command's name; none where the line is not a command of ours."""
    name = re.match(r"\s*(?:[A-Z_]+=\S+ +)*(?:\.venv/bin/)?warmfront ", line)
    return tuple(shlex.split(line[name.end() :], comments=True)) if name else ()
