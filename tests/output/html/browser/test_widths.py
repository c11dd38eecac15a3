"""From a telephone to a wall: the page itself never scrolls sideways, and nothing hides under what stays at its top."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.support.look import Visit, in_view, unfold

WIDTHS = (360, 768, 1280, 2560)
TRIAL = "#/at/0/tasks/task-000/codex%231"
VIEWS = ("", "#/tasks", "#/tools", "#/wire", f"{TRIAL}?step=0", f"{TRIAL}?with=0%2Ftasks%2Ftask-000%2Fopencode%231")


def beyond(page: Page) -> list[str]:
    """What stands out of the window on its right, and is not in a place that scrolls by itself."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll("body *")].filter((node) => {
          for (let around = node.parentElement; around; around = around.parentElement)
            if (getComputedStyle(around).overflowX !== "visible") return false;
          return node.getBoundingClientRect().right > innerWidth + 1;
        }).map((node) => node.outerHTML.slice(0, 200))"""
    )
    return found


@pytest.mark.parametrize("width", WIDTHS)
def test_no_view_scrolls_sideways(visit: Visit, ordinary: Path, width: int) -> None:
    page = visit(ordinary, viewport={"width": width, "height": 740})
    for view in VIEWS:
        page.evaluate("(to) => (location.hash = to)", view)
        if "/at/" in view:
            page.wait_for_selector(".subject .facts")
        unfold(page)
        assert page.evaluate("document.scrollingElement.scrollWidth - innerWidth") <= 0, view
        assert not beyond(page), view


@pytest.mark.parametrize("width", WIDTHS)
def test_a_real_run_does_not_scroll_sideways(visit: Visit, real: Path, width: int) -> None:
    page = visit(real, viewport={"width": width, "height": 740})
    unfold(page)
    assert page.evaluate("document.scrollingElement.scrollWidth - innerWidth") <= 0
    assert not beyond(page)


@pytest.mark.parametrize(
    "width", [360, 1280, *(pytest.param(width, marks=pytest.mark.nightly) for width in (768, 2560))]
)
@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("#finding-TW201", "#finding-TW201 > summary"),
        ("#speed", "#h-speed"),
        ("#run", "#h-run"),
        ("#/tools", ".tabs"),
        (f"{TRIAL}?step=1", ".step.wanted .line"),
    ],
)
def test_an_address_leads_below_the_bar(visit: Visit, ordinary: Path, address: str, place: str, width: int) -> None:
    page = visit(ordinary, address, viewport={"width": width, "height": 740})
    assert in_view(page.locator(place))


@pytest.mark.parametrize("width", WIDTHS)
def test_the_bar_stays_and_all_of_it_is_reached(visit: Visit, ordinary: Path, width: int) -> None:
    page = visit(ordinary, "#run", viewport={"width": width, "height": 740})
    bar = page.locator(".places")
    box = bar.bounding_box()
    assert box is not None
    assert (box["x"], box["y"], box["width"]) == (0, 0, width)
    assert box["height"] < 50
    last = bar.get_by_role("link").last
    last.focus()
    box = last.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width


def test_lines_stay_short_enough_to_be_read(visit: Visit, ordinary: Path) -> None:
    page = visit(ordinary, viewport={"width": 2560, "height": 740})
    assert page.evaluate("Math.max(...[...document.querySelectorAll('p')].map((one) => one.offsetWidth))") <= 1280
