"""Debian's Chromium, driven by Playwright, watched for everything that a page should not do."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

REPORTS = Path(__file__).parents[2] / "reports" / "dashboard"
VIEWS = ("now", "forecast", "flow", "person", "alerts", "shadow", "health", "explain")
SIZE = {"width": 1360, "height": 900}
# The machine that runs the tests may be busy with others.
TIMEOUT_MS = 180_000
expect.set_options(timeout=TIMEOUT_MS)  # its own is 5 s


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser that `make test-browser` installs."""
    where = shutil.which("chromium")
    assert where, "no chromium: `make test-browser` installs Debian's as root"
    with sync_playwright() as playwright:
        # In a container there is no user namespace to sandbox in; the page is our own.
        browser = playwright.chromium.launch(executable_path=where, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


class Watched:
    """A page of the dashboard, with what it said and asked for."""

    def __init__(self, browser: Browser, address: str, theme: str) -> None:
        context = browser.new_context(color_scheme=theme, viewport=SIZE, timezone_id="UTC")
        context.set_default_timeout(TIMEOUT_MS)
        self.address = address
        self.theme = theme
        self.errors: list[str] = []
        self.requested: list[str] = []
        self.page: Page = context.new_page()
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.errors.append(f"page: {error}"))
        self.page.on("request", lambda request: self.requested.append(request.url))
        self.page.on("dialog", lambda dialog: self.errors.append(f"dialog: {dialog.message}"))

    def show(self, view: str, query: str = "") -> Page:
        """Open a view and wait until it is drawn."""
        self.page.evaluate("delete document.body.dataset.shown")
        self.page.goto(f"{self.address}/#/{view}{query}")
        self.page.wait_for_selector(f"body[data-shown={view}]")
        return self.page

    def open(self) -> Page:
        """Open the page at its first view."""
        self.page.goto(self.address, wait_until="domcontentloaded")
        self.page.wait_for_selector("body[data-shown]")
        return self.page

    def picture(self, name: str) -> Path:
        """Keep a screenshot for reviewers."""
        REPORTS.mkdir(parents=True, exist_ok=True)
        path = REPORTS / f"{name}-{self.theme}.png"
        self.page.screenshot(path=path, full_page=True)
        return path

    def outside(self) -> list[str]:
        """What was asked of another place than the page's own server."""
        own = urlsplit(self.address).netloc
        urls = map(urlsplit, self.requested)
        return [u.geturl() for u in urls if u.netloc != own and u.scheme not in {"data", "blob"}]

    def hindrances(self) -> list[str]:
        """What keeps people with disabilities out, serious or worse, as axe finds it."""
        found = Axe().run(self.page).response["violations"]
        return [
            f"{violation['id']}: {node['html'][:200]}"
            for violation in found
            if violation["impact"] in {"serious", "critical"}
            for node in violation["nodes"]
        ]

    def cells(self, caption: str) -> list[list[str]]:
        """The cells of the table with a caption, row by row."""
        rows: Any = self.page.evaluate(
            """caption => [...document.querySelectorAll("table")]
                 .filter(t => t.caption.textContent === caption)
                 .flatMap(t => [...t.tBodies[0].rows])
                 .map(row => [...row.cells].map(cell => cell.textContent))
            """,
            caption,
        )
        return rows

    def _console(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.errors.append(f"{message.type}: {message.text}")
