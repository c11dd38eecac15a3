"""The first screen says all that matters, on a laptop and on a phone; the palette finds the rest."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.look import Visit, fragment, in_view

PHONE = {"width": 390, "height": 844}


def bottom(page: Page, place: str) -> float:
    box = page.locator(place).first.bounding_box()
    assert box is not None
    return box["y"] + box["height"]


@pytest.mark.parametrize("size", [{"width": 1280, "height": 800}, PHONE])
def test_headline_agents_and_the_first_fix_are_seen_at_once(visit: Visit, ordinary: Path, size: dict[str, int]) -> None:
    page = visit(ordinary, viewport=size)
    for place in ("h1", ".chips .fail", ".agents", ".fix h3", ".fix p"):
        assert bottom(page, place) <= size["height"], place


def test_a_phone_gets_a_short_page_whose_parts_unfold(visit: Visit, ordinary: Path) -> None:
    page = visit(ordinary, viewport=PHONE)
    assert page.evaluate("document.documentElement.scrollHeight") < 3_000
    expect(page.locator("#explorer")).to_be_hidden()
    page.get_by_role("button", name="All results").click()
    expect(page.locator("#explorer")).to_be_visible()
    page.locator(".fix h3 a").first.click()
    assert in_view(page.locator(".finding:target > summary"))


@pytest.mark.parametrize(
    ("keys", "wanted"), [("Control+k", "#finding-TW201"), ("/", "#/at/0/tools/case-003/codex%231")]
)
def test_the_palette_finds_everything(visit: Visit, ordinary: Path, keys: str, wanted: str) -> None:
    page = visit(ordinary)
    page.keyboard.press(keys)
    page.keyboard.type({"#finding-TW201": "root cause stands text"}.get(wanted, "case-003"))
    page.keyboard.press("Enter")
    expect(page.locator(".palette")).to_be_hidden()
    assert fragment(page) == wanted


def test_a_link_to_a_root_cause_is_copied(visit: Visit, ordinary: Path) -> None:
    page = visit(ordinary, permissions=["clipboard-read", "clipboard-write"])
    page.locator("#finding-TW201").get_by_role("button", name="copy link to this").click()
    expect(page.locator("#finding-TW201 [data-link]")).to_have_text("copied")
    assert page.evaluate("navigator.clipboard.readText()") == f"{ordinary.as_uri()}#finding-TW201"
