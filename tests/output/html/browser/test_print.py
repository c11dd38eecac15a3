"""On paper stands all that a reader wants: every finding open, every row, nothing cut, and dark ink on white."""

from __future__ import annotations

import io
from pathlib import Path

import pypdf
import pytest
from playwright.sync_api import Page, expect

from tests.support import made
from tests.support.look import Visit, broken

A4 = {"width": 718, "height": 1047}
"""The text of a page, in px: 210 × 297 mm less margins of 10 mm."""
TRIAL = "#/at/0/tasks/task-000/codex%231?step=0"

CUT = """() => [...document.querySelectorAll("main *")].filter((node) => {
  if (!node.checkVisibility() || node.closest(".unseen")) return false;
  const style = getComputedStyle(node);
  return (style.overflowX !== "visible" && node.scrollWidth > node.clientWidth + 1)
    || (style.overflowY !== "visible" && node.scrollHeight > node.clientHeight + 1)
    || node.getBoundingClientRect().right > innerWidth + 1;
}).map((node) => node.outerHTML.slice(0, 200))"""


def printed(page: Page) -> str:
    """The text of the page as a PDF, without spaces: where lines break is not to be seen in it."""
    file = io.BytesIO(page.pdf(format="A4", print_background=True))
    return "".join("".join(sheet.extract_text() for sheet in pypdf.PdfReader(file).pages).split())


@pytest.fixture(scope="session")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose names and texts are long, in tables with all columns."""
    run = made.ordinary(tmp_path_factory.mktemp("wide"), tasks=6)
    long = "a-task-whose-name-goes-on-and-on-until-nobody-can-remember-how-it-began"
    key = made.trial(long, "claude-code").key
    shown = [made.exchange(key, 0, "word " * 3_000 + made.LEAK)]
    score = made.score(made.finding(), made.finding("TW202"), made.finding("TW203"), made.finding("TW204"))
    run.append(made.trial(long, "claude-code", "failed", score=score, exchanges=made.recorded(run, key, shown)))
    run.append(made.probe("a-probe-that-is-refused", verdict="rejected", detail="HTTP 400: " + "not-known " * 15))
    return made.page(run)


def test_every_finding_is_open_whatever_was_open_on_the_screen(visit: Visit, ordinary: Path) -> None:
    page = visit(ordinary)
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = false))")
    text = printed(page)
    for code in ("probe-2", "probe-3"):
        assert f"thetitleof{code}" in text
    assert text.count("whatagentsdid") == page.locator(".finding").count() == 3
    assert page.locator(".finding[open]").count() == 0  # the screen is as it was


def test_every_row_is_there(visit: Visit, ordinary: Path) -> None:
    page = visit(ordinary, "#/tasks?sort=item")
    assert page.locator(".frame tr[data-index]").count() < 60
    text = printed(page)
    assert [f"task-{number:03}" for number in range(40) if f"task-{number:03}" not in text] == []
    page.emulate_media(media="print")
    expect(page.locator(".frame tbody tr")).to_have_count(120)
    page.emulate_media(media="screen")
    expect(page.locator(".frame tbody tr")).not_to_have_count(120)


def test_of_very_many_rows_the_paper_says_how_many_it_lacks(visit: Visit, tmp_path: Path) -> None:
    run = made.begun(tmp_path)
    for number in range(620):
        run.append(made.case(f"case-{number:03}"))
    text = printed(visit(made.page(run)))
    assert "case-499" in text
    assert "case-500" not in text
    assert "120morerowsonthescreen" in text


@pytest.mark.parametrize("view", ["#/tasks", "#/tools", "#/wire", TRIAL])
def test_nothing_is_cut(visit: Visit, wide: Path, view: str) -> None:
    page = visit(wide, view, viewport=A4)
    page.emulate_media(media="print")
    page.wait_for_timeout(300)
    assert page.evaluate(CUT) == []


def test_a_long_text_says_how_much_of_it_is_not_there(visit: Visit, wide: Path) -> None:
    name = "a-task-whose-name-goes-on-and-on-until-nobody-can-remember-how-it-began"
    page = visit(wide, f"#/at/0/tasks/{name}/claude-code%231?step=0")
    page.wait_for_selector(".subject .facts")
    assert "more(11,011characters)" in printed(page)


def test_it_is_dark_ink_on_white_whatever_the_system_is(visit: Visit, ordinary: Path) -> None:
    colours = {}
    for scheme in ("light", "dark"):
        page = visit(ordinary, TRIAL, color_scheme=scheme)
        page.wait_for_selector(".subject .facts")
        page.emulate_media(media="print", color_scheme=scheme)
        colours[scheme] = page.evaluate(
            """() => [...document.querySelectorAll("body, body *")].map((node) => {
              const { color, backgroundColor, borderLeftColor, fill, stroke } = getComputedStyle(node);
              return [color, backgroundColor, borderLeftColor, fill, stroke].join();
            })"""
        )
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert not broken(page, ["color-contrast"])
    assert colours["dark"] == colours["light"]


def test_what_cannot_be_used_on_paper_is_not_there(visit: Visit, ordinary: Path) -> None:
    page = visit(ordinary)
    page.emulate_media(media="print")
    for place in (".places", ".skip", ".filters", "[data-copy]", "[data-file]"):
        assert page.locator(place).count()
        assert not page.locator(place).first.is_visible(), place
    assert page.locator(".frame thead button").first.is_visible()  # it names its column
