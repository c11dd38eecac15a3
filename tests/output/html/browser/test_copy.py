"""Commands are copied by a click; where the browser forbids it, the button says so."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.support.look import Visit

COMMAND = "toolworthy run --endpoint hosted"


def test_a_click_copies(visit: Visit, ordinary: Path) -> None:
    for address, place, text in (
        ("", "#run [data-copy]", COMMAND),
        (
            "#/at/0/tasks/task-001/opencode%231",
            ".subject [data-copy]",
            "toolworthy run tasks --task task-001 --agent opencode",
        ),
    ):
        page = visit(ordinary, address, permissions=["clipboard-read", "clipboard-write"])
        button = page.locator(place)
        said = button.inner_text()
        button.click()
        expect(button).to_have_text("copied")
        assert page.evaluate("navigator.clipboard.readText()") == text
        button.click()
        page.wait_for_timeout(3_200)
        expect(button).to_have_text(said)


def refused(page: Page) -> None:
    button = page.get_by_role("button", name="copy the command")
    button.click()
    expect(page.locator("#run [data-copy]")).to_have_text("select it and copy by hand")
    expect(page.get_by_role("group", name="command")).to_have_text(COMMAND)
    expect(page.locator("#run [data-copy]")).to_have_text("copy the command")


def test_a_browser_that_forbids_it(visit: Visit, ordinary: Path) -> None:
    page = visit(ordinary)
    page.evaluate("() => { navigator.clipboard.writeText = async () => { throw new Error('not allowed'); }; }")
    refused(page)


def test_a_browser_without_a_clipboard(visit: Visit, ordinary: Path) -> None:
    """As over http, which is no secure context."""
    page = visit(ordinary)
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    refused(page)
