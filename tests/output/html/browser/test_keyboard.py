"""Without a mouse: everything is reached, seen where it is, opened, and left again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support import made
from tests.support.look import Visit, asked, column, expect_rows, fragment, heading, in_view

TRIAL = "#/at/0/tasks/task-000/codex%231?step=0"
TABBABLE = "a[href], button, input, select, summary, [tabindex='0']"

FOCUSED = """() => {
  const node = document.activeElement;
  if (!node || node === document.body) return null;
  const style = getComputedStyle(node);
  const box = node.getClientRects()[0];
  const [x, y] = box ? [box.left + Math.min(box.width / 2, 30), box.top + Math.min(box.height / 2, 12)] : [0, 0];
  const at = document.elementFromPoint(x, y);
  const again = node.dataset.reached === "";
  node.dataset.reached = "";
  return {
    html: node.outerHTML.slice(0, 120),
    again,
    ring: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    seen: Boolean(box && at) && (node.contains(at) || at.contains(node)),
  };
}"""


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run so small that every row is drawn."""
    return made.page(made.ordinary(tmp_path_factory.mktemp("small"), tasks=3))


def walk(page: Page, key: str = "Tab", most: int = 900) -> list[dict[str, Any]]:
    """What `key` reaches, until it leaves the page or comes back to where it began."""
    reached: list[dict[str, Any]] = []
    for _ in range(most):
        page.keyboard.press(key)
        found = page.evaluate(FOCUSED)
        if found is None or found["again"]:
            return reached
        reached.append(found)
    raise AssertionError(f"no end after {most} of {key}: {reached[-1]}")


@pytest.mark.parametrize("view", ["", "#/tools", "#/wire", TRIAL])
def test_tab_reaches_everything_and_shows_where_it_is(visit: Visit, small: Path, view: str) -> None:
    page = visit(small, view)
    if view == TRIAL:
        page.wait_for_selector(".subject .facts")
    page.locator(".skip").focus()
    page.keyboard.press("Shift+Tab")
    page.evaluate("document.activeElement?.blur(), getSelection().removeAllRanges()")
    reached = walk(page)
    missed = page.evaluate(
        f"""() => [...document.querySelectorAll({TABBABLE!r})]
          .filter((node) => node.checkVisibility() && !("reached" in node.dataset))
          .map((node) => node.outerHTML.slice(0, 120))"""
    )
    assert not missed
    assert not [one["html"] for one in reached if not one["ring"]]
    assert not [one["html"] for one in reached if not one["seen"]]


def test_shift_tab_hides_nothing_under_what_stays_at_the_top(visit: Visit, small: Path) -> None:
    page = visit(small, "#/tasks")
    page.locator("footer").evaluate("(node) => { node.tabIndex = -1; node.focus(); }")
    reached = walk(page, "Shift+Tab")
    assert len(reached) > 60
    assert not [one["html"] for one in reached if not one["seen"]]


def test_the_first_tab_offers_to_skip_to_the_content(visit: Visit, ordinary: Path) -> None:
    page = visit(ordinary)
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


def test_a_row_is_opened_by_enter_and_read_from_its_heading(visit: Visit, ordinary: Path) -> None:
    page = visit(ordinary, "#/tasks?sort=agent")
    page.locator(".frame td a").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".subject h2")).to_be_focused()
    assert heading(page) == "tasks/task-000/claude-code#1"
    page.keyboard.press("Tab")
    expect(page.locator(".subject").get_by_label("beside it")).to_be_focused()


def test_a_long_table_is_walked_through_row_by_row(visit: Visit, ordinary: Path) -> None:
    """Rows are drawn as they come into view, and so the focus never falls out of the table."""
    page = visit(ordinary, "#/tasks?agent=opencode")
    page.locator(".frame").focus()
    rows = set()
    for _ in range(300):
        page.keyboard.press("Tab")
        row = page.evaluate("document.activeElement.closest('.frame tr')?.ariaRowIndex")
        if row is None:
            break
        rows.add(int(row))
    assert rows == set(range(1, 42))
    assert page.evaluate("document.activeElement !== document.body")


def test_a_long_table_can_be_passed(visit: Visit, ordinary: Path) -> None:
    page = visit(ordinary, "#/tasks")
    page.locator(".explorer").get_by_role("button", name="past the table").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('#speed').contains(document.activeElement)")


def test_a_table_scrolls(visit: Visit, ordinary: Path) -> None:
    page = visit(ordinary, "#/tasks?sort=item")
    frame = page.locator(".frame")
    frame.focus()
    page.keyboard.press("End")
    page.wait_for_selector(".frame tr[aria-rowindex='121']")
    page.keyboard.press("Home")
    page.wait_for_selector(".frame tr[aria-rowindex='2']")


def test_a_long_text_scrolls(visit: Visit, tmp_path: Path) -> None:
    run = made.begun(tmp_path)
    result = made.trial("t", "codex", agent_output="line\n" * 500)
    run.append(result)
    page = visit(made.page(run), "#/at/0/tasks/t/codex%231")
    page.locator("summary", has_text="own output").focus()
    page.keyboard.press("Enter")
    text = page.get_by_role("group", name="the agent's output")
    expect(text).to_be_visible()
    page.keyboard.press("Tab")
    expect(text).to_be_focused()
    page.keyboard.press("End")
    page.wait_for_timeout(300)
    assert page.evaluate("document.activeElement.scrollTop") > 100


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_details_open_and_close(visit: Visit, ordinary: Path, key: str) -> None:
    for address, place in (("", "#finding-TW201"), (TRIAL, ".step.wanted > details >> nth=0")):
        page = visit(ordinary, address)
        details = page.locator(place).first
        was = details.get_attribute("open")
        details.locator("> summary").focus()
        page.keyboard.press(key)
        assert details.get_attribute("open") != was
        expect(details.locator("> summary")).to_be_focused()


def test_filters_and_sorting_are_used_and_keep_the_focus(visit: Visit, ordinary: Path) -> None:
    page = visit(ordinary)
    search = page.locator(".explorer").get_by_label("search")
    search.focus()
    page.keyboard.type("task-00")
    expect(search).to_be_focused()
    page.keyboard.press("Tab")
    for _ in range(5):  # letters typed too slowly would choose by the last one
        if page.locator("select:focus").input_value() != "codex":
            page.keyboard.press("ArrowDown")
    expect_rows(page, 10, 120)
    assert asked(page) == {"q": "task-00", "agent": "codex"}
    page.get_by_role("button", name="seconds").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(page.get_by_role("columnheader", name="seconds")).to_have_attribute("aria-sort", "descending")
    assert column(page, "task")[0] == "task-009"
    expect(page.get_by_role("button", name="seconds")).to_be_focused()


def test_a_card_and_a_tab_are_followed(visit: Visit, ordinary: Path) -> None:
    page = visit(ordinary)
    page.locator(".agents a[href^='#finding-']").first.focus()
    page.keyboard.press("Enter")
    assert in_view(page.locator(".finding:target > summary"))
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('.finding:target').contains(document.activeElement)")
    page.locator(".tabs a").nth(2).focus()
    page.keyboard.press("Enter")
    expect_rows(page, 12, 12)
    assert fragment(page) == "#/wire"
