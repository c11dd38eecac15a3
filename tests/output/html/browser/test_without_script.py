"""What a reader must know stands in the page without its script."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from tests.support.look import Visit


def test_verdict_findings_calls_and_figures_are_read(visit: Visit, ordinary: Path) -> None:
    page = visit(ordinary, java_script_enabled=False)
    expect(page.locator("h1")).to_contain_text("3 of 5 agents work")
    expect(page.locator(".agents")).to_contain_text("fails when …")
    expect(page.locator(".first .fix")).to_have_count(3)
    finding = page.locator("#finding-TW201")
    expect(finding).to_contain_text("a call stands in the text")
    assert finding.locator("mark").is_visible()
    expect(page.locator("#tools")).to_contain_text("75%")
    expect(page.locator("#tools .pair").first).to_contain_text('read(path="b.py")')
    expect(page.locator("#speed figure")).to_have_count(6)
    expect(page.locator("#speed table").first).to_contain_text("0.25")
    expect(page.locator("#results")).to_contain_text("wire defect")
    expect(page.locator("#explorer")).to_contain_text("172 results")
    expect(page.locator("#explorer")).to_contain_text("results.jsonl")


def test_a_finding_is_reached_from_a_card_and_folded_by_hand(visit: Visit, ordinary: Path) -> None:
    page = visit(ordinary, java_script_enabled=False)
    link = page.locator(".agents a[href^='#finding-']").first
    to = link.get_attribute("href") or ""
    link.click()
    assert page.url.endswith(to)
    for _ in range(2):
        page.locator("#finding-TW201 > summary").click()
    expect(page.locator("#finding-TW201 dl")).to_be_visible()


def test_nothing_scrolls_sideways(visit: Visit, ordinary: Path) -> None:
    page = visit(ordinary, java_script_enabled=False, viewport={"width": 360, "height": 740})
    box = page.locator("main").bounding_box()
    assert box is not None
    assert box["width"] <= 360
