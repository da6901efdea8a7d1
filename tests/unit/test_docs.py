"""The docs are true where a machine can tell: links, paths, commands, topics, generated pages."""

import re
from pathlib import Path

import pytest

from streams.cli import COMMANDS, GROUPS
from streams.cli.reference import PAGES, render

REPOSITORY = Path(__file__).parents[2]
PAGES_OF_DOCS = sorted((REPOSITORY / "docs").rglob("*.md"))
ALL = [REPOSITORY / "README.md", *PAGES_OF_DOCS]
ROOMS = "streams|schemas|allocator|infra|tests|docs"


def ids(page: Path) -> str:
    return str(page.relative_to(REPOSITORY))


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", ALL, ids=ids)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if re.match(r"https?://|mailto:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{ids(page)}: {target}"
        if anchor and there.suffix == ".md":
            assert anchor in anchors(there), f"{ids(page)}: {target}"


@pytest.mark.parametrize("page", ALL, ids=ids)
def test_paths_in_backticks_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for path in re.findall(rf"`((?:{ROOMS})/[\w./-]+)`", text):
        assert (REPOSITORY / path).exists(), f"{ids(page)}: {path}"


@pytest.mark.parametrize("page", ALL, ids=ids)
def test_named_commands_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for first, second in re.findall(r"(?:`|bin/)warmfront ([a-z-]+)(?: ([a-z]+))?", text):
        assert first in COMMANDS or first in GROUPS, f"{ids(page)}: warmfront {first}"
        if second and first in GROUPS:
            assert second in GROUPS[first], f"{ids(page)}: warmfront {first} {second}"


@pytest.mark.parametrize("name", PAGES)
def test_generated_pages_are_current(name: str) -> None:
    page = REPOSITORY / "docs" / "reference" / name
    assert page.read_text(encoding="utf-8") == render(name), "run `make generate`"


def test_every_page_is_reached_from_the_index() -> None:
    index = REPOSITORY / "docs" / "index.md"
    linked = {
        (index.parent / target.partition("#")[0]).resolve()
        for target in re.findall(r"\]\(([^)]+\.md[^)]*)\)", index.read_text(encoding="utf-8"))
    }
    missing = [ids(page) for page in PAGES_OF_DOCS if page not in linked and page != index]
    assert missing == []
