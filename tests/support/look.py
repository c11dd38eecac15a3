"""What a reader sees of a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import parse_qs

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

Visit = Callable[..., Page]
"""Opens a page at a fragment."""
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def fragment(page: Page) -> str:
    """The part of the address behind ``#``, with it."""
    found: str = page.evaluate("location.hash")
    return found


def asked(page: Page) -> dict[str, str]:
    """What stands behind ``?`` in the fragment."""
    return {name: values[0] for name, values in parse_qs(fragment(page).partition("?")[2]).items()}


def expect_rows(page: Page, shown: int, every: int) -> None:
    """Waits until the table says that it shows so many of so many rows."""
    expect(page.locator(".explorer .filters [role=status]")).to_have_text(f"{shown:,} of {every:,}")


def column(page: Page, name: str) -> list[str]:
    """The texts of one column, of the rows that are drawn."""
    names = [title.strip(" ↑↓") for title in page.locator(".frame thead button").all_inner_texts()]
    rows = page.locator(".frame tbody tr[data-index]").all()
    return [" ".join(row.locator("td").nth(names.index(name)).inner_text().split()) for row in rows]


def heading(page: Page) -> str:
    """Which trial is opened."""
    return page.locator(".subject h2").inner_text()


def in_view(place: Locator) -> bool:
    """Whether its beginning comes to be seen, and stays: in the window, not under the bar that stays at its top."""
    found: bool = place.evaluate(
        """async (node) => {
          const seen = () => {
            const top = node.getBoundingClientRect().top;
            const bar = document.querySelector(".places").getBoundingClientRect().bottom;
            return top >= bar - 1 && top < innerHeight - 20;
          };
          const wait = (time) => new Promise((done) => setTimeout(done, time));
          for (let tries = 0; tries < 50 && !seen(); tries++) await wait(100);
          await wait(300);
          return seen();
        }"""
    )
    return found


def broken(page: Page, rules: Sequence[str] = TAGS, but: Sequence[str] = ()) -> list[str]:
    """The violations, moderate ones too: landmarks and the order of headings are among those."""
    options = {
        "resultTypes": ["violations"],
        "runOnly": list(rules),
        "rules": {rule: {"enabled": False} for rule in but},
    }
    found = Axe().run(page, options=options).response
    return [
        f"{one['impact']} {one['id']}: {node['html'][:200]} {node['failureSummary']}"
        for one in found["violations"]
        if one["impact"] in ("moderate", "serious", "critical")
        for node in one["nodes"]
    ]


def unfold(page: Page) -> None:
    """Open every detail, those within others too."""
    for _ in range(4):
        page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
        page.wait_for_timeout(100)
