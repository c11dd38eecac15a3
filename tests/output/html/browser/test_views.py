"""Every view of the page is reached by a click and by its address, and the address of each gives the same again."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.look import Visit, asked, column, expect_rows, fragment, heading, in_view
from toolworthy.content import adapters

TRIAL = "tasks/task-000/codex#1"
AT_TRIAL = "#/at/0/tasks/task-000/codex%231"
RIVAL = "tasks/task-000/opencode#1"


def twice(page: Page) -> Iterator[Page]:
    """The page as it is, and then as its address gives it."""
    yield page
    page.reload()
    page.wait_for_selector("html[data-ready]")
    yield page


def opened(page: Page) -> None:
    page.wait_for_selector(".subject .facts")


def test_a_card_leads_to_its_finding(visit: Visit, ordinary: Path) -> None:
    page = visit(ordinary)
    link = page.locator(".agents a[href^='#finding-']").first
    to = link.get_attribute("href") or ""
    page.locator(to).evaluate("(finding) => (finding.open = false)")  # the first ones are open
    link.click()
    for seen in twice(page):
        assert fragment(seen) == to
        expect(seen.locator(to)).to_have_attribute("open", "")
        assert in_view(seen.locator(f"{to} > summary"))


def test_a_finding_leads_to_its_step_in_a_trial(visit: Visit, ordinary: Path) -> None:
    page = visit(ordinary)
    page.locator("#finding-TW201 a[href*='step=0']").click()
    for seen in twice(page):
        opened(seen)
        assert heading(seen) == TRIAL
        assert in_view(seen.locator(".step.wanted .line"))
        # The bytes that show the finding are marked, and seen without a further click.
        expect(seen.locator(".step.wanted mark")).to_have_text("<tool_call>")
        assert seen.locator(".step.wanted mark").is_visible()


def test_a_trial_leads_back_to_the_finding(visit: Visit, ordinary: Path) -> None:
    page = visit(ordinary, AT_TRIAL)
    opened(page)
    page.locator(".subject a[href='#finding-TW201']").first.click()
    assert in_view(page.locator("#finding-TW201 > summary"))
    assert heading(page) == TRIAL  # which stays open below


def test_a_trial_stands_alone_and_leaves_the_reader_where_it_was_opened(visit: Visit, ordinary: Path) -> None:
    page = visit(ordinary)
    link = page.locator(".finding a[href*='step=']").first
    link.scroll_into_view_if_needed()
    was = page.evaluate("scrollY")
    link.click()
    opened(page)
    for hidden in ("#verdict", "#findings", "#results > h2", "header .chips"):
        expect(page.locator(hidden).first).to_be_hidden()
    page.go_back()
    expect(link).to_be_visible()
    assert abs(page.evaluate("scrollY") - was) < 40
    page.go_forward()
    page.get_by_role("link", name="the whole page").click()
    assert in_view(page.locator("#h-verdict"))


def test_the_top_names_what_breaks_and_leads_to_it(visit: Visit, ordinary: Path) -> None:
    page = visit(ordinary)
    told = page.locator("#verdict .first li").first
    expect(told).to_contain_text("fail in 1 of 80 trials")
    told.locator("a").first.click()
    assert in_view(page.locator(".finding:target > summary"))


def test_a_cell_of_the_wire_leads_to_what_that_agent_meets(visit: Visit, ordinary: Path) -> None:
    page = visit(ordinary)
    page.locator(".agents a[href^='#/wire']").first.click()
    assert set(asked(page)) == {"meets", "sort"}
    shown = page.locator(".explorer .filters [role=status]")
    expect(shown).not_to_have_text("12 of 12")
    expect(page.locator(".explorer").get_by_label("met by")).to_have_value(asked(page)["meets"])


def test_a_card_leads_to_the_trials_that_failed(visit: Visit, ordinary: Path) -> None:
    page = visit(ordinary)
    page.locator(".agents a.text").first.click()
    assert asked(page)["kind"] == "fail,flaky"
    chosen = page.locator(".explorer").get_by_label("result").locator("option:checked")
    expect(chosen).to_have_text("✗ failed or ~ sometimes")
    assert set(column(page, "agent")) == {adapters.title(asked(page)["agent"])}
    assert "failed" in page.locator(".frame tbody").inner_text()


@pytest.mark.parametrize(
    ("tab", "address", "rows"),
    [("Tasks", "#/tasks", 120), ("Tool calls", "#/tools", 40), ("Wire probes", "#/wire", 12)],
)
def test_a_tab_leads_to_its_table(visit: Visit, ordinary: Path, tab: str, address: str, rows: int) -> None:
    page = visit(ordinary)
    page.locator(".tabs a", has_text=tab).click()
    for seen in twice(page):
        assert fragment(seen) == address
        expect_rows(seen, rows, rows)
        expect(seen.locator(".tabs a[aria-current]")).to_contain_text(tab)
        assert in_view(seen.locator(".tabs"))


@pytest.mark.parametrize(
    ("table", "row", "key"),
    [
        ("#/tasks", "task-001", "tasks/task-001/claude-code#1"),
        ("#/tools", "case-001", "tools/case-001/opencode#1"),
        ("#/wire", "probe-3", "wire/probe-3/chat-stream"),
    ],
)
def test_a_row_leads_to_what_was_measured(visit: Visit, ordinary: Path, table: str, row: str, key: str) -> None:
    page = visit(ordinary, f"{table}?q={row}&sort=agent")
    page.locator(".frame td a", has_text=row).first.click()
    for seen in twice(page):
        opened(seen)
        assert heading(seen) == key
        assert in_view(seen.locator(".tabs"))


def test_an_attempt_leads_to_its_own_trial(visit: Visit, ordinary: Path) -> None:
    page = visit(ordinary, "#/tasks?agent=codex&q=task-000")
    page.get_by_role("link", name="attempt 2: passed").click()
    opened(page)
    assert heading(page) == "tasks/task-000/codex#2"


def test_a_trial_leads_to_a_step_and_to_its_bytes(visit: Visit, ordinary: Path) -> None:
    page = visit(ordinary, AT_TRIAL)
    opened(page)
    page.get_by_role("link", name="link to step 1", exact=True).click()
    for seen in twice(page):
        opened(seen)
        assert asked(seen) == {"step": "1"}
        step = seen.locator(".step.wanted")
        assert in_view(step.locator(".line"))
        step.locator("summary", has_text="request as it was sent").click()
        expect(step.get_by_role("group", name="request body")).to_contain_text('"role": "system"')
        step.locator("summary", has_text="characters in 2 pieces").click()
        expect(step.get_by_role("group", name="response body")).to_contain_text('"content": "It is done."')
        step.locator("summary", has_text="piece by piece").click()
        expect(step.locator(".raw tbody tr")).to_have_count(2)


def test_the_cause_leads_to_the_step_that_shows_it(visit: Visit, ordinary: Path) -> None:
    page = visit(ordinary, AT_TRIAL)
    opened(page)
    page.locator(".cause a").click()
    assert asked(page) == {"step": "0"}
    assert in_view(page.locator(".step.wanted .line"))


def test_two_trials_stand_side_by_side(visit: Visit, ordinary: Path) -> None:
    page = visit(ordinary, AT_TRIAL)
    opened(page)
    page.locator(".subject").get_by_label("beside it").select_option(RIVAL)
    for seen in twice(page):
        expect(seen.locator(".two > section .steps")).to_have_count(2)
        assert asked(seen) == {"with": f"0/{RIVAL}"}
        for side, said in zip(seen.locator(".two > section").all(), ("codex 1", "opencode 1"), strict=True):
            expect(side.get_by_role("group", name="the answer's text").first).to_contain_text(said)
        boxes = [side.bounding_box() for side in seen.locator(".two > section").all()]
        assert boxes[0] is not None
        assert boxes[1] is not None
        assert boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"]
    page.go_back()
    expect(page.locator(".two")).to_have_count(0)


def test_back_and_forward_go_from_view_to_view(visit: Visit, ordinary: Path) -> None:
    page = visit(ordinary, "#/tasks?agent=codex")
    page.locator(".frame td a").first.click()
    opened(page)
    page.get_by_role("link", name="link to step 1", exact=True).click()
    expect(page.locator(".step.wanted")).to_have_attribute("id", "step-0/tasks/task-000/codex#1-1")
    page.go_back()
    page.go_back()
    expect_rows(page, 40, 120)
    page.go_forward()
    opened(page)
    assert heading(page) == TRIAL


def test_the_trial_leads_back_to_the_table(visit: Visit, ordinary: Path) -> None:
    page = visit(ordinary, AT_TRIAL)
    opened(page)
    page.get_by_role("link", name="all trials").click()
    expect_rows(page, 120, 120)


@pytest.mark.parametrize(
    ("table", "label", "value", "rows", "wanted"),
    [
        ("#/tasks", "agent", "Codex", 40, {"agent": "codex"}),
        ("#/tasks", "result", "~ sometimes", 15, {"kind": "flaky"}),
        ("#/tasks", "finding", "TW201", 6, {"code": "TW201"}),
        ("#/tools", "toolset", "OpenCode", 13, {"agent": "opencode"}),
        ("#/tools", "category", "long", 20, {"category": "long"}),
        ("#/wire", "API", "messages", 5, {"category": "messages"}),
        ("#/wire", "way", "chat-stream", 6, {"agent": "chat-stream"}),
    ],
)
def test_a_filter_changes_rows_and_address(
    visit: Visit, ordinary: Path, table: str, label: str, value: str, rows: int, wanted: dict[str, str]
) -> None:
    page = visit(ordinary, table)
    page.locator(".explorer .filters").get_by_label(label).select_option(value)
    for seen in twice(page):
        assert asked(seen) == wanted
        expect_rows(seen, rows, {"#/tasks": 120, "#/tools": 40, "#/wire": 12}[table])
        assert len(column(seen, "findings")) == rows or rows > 20
    page.locator(".explorer .filters").get_by_label(label).select_option("all")
    assert asked(page) == {}


def test_a_search_changes_rows_and_address_and_keeps_the_place(visit: Visit, ordinary: Path) -> None:
    page = visit(ordinary, "#/tasks")
    page.locator(".explorer").get_by_label("search").press_sequentially("task-00 opencode")
    for seen in twice(page):
        assert asked(seen) == {"q": "task-00 opencode"}
        expect_rows(seen, 10, 120)
        assert set(column(seen, "agent")) == {"OpenCode"}
    page.locator(".explorer").get_by_label("search").fill("no such task")
    expect_rows(page, 0, 120)


def test_a_click_on_a_heading_sorts_and_changes_the_address(visit: Visit, ordinary: Path) -> None:
    page = visit(ordinary, "#/tasks")
    before = column(page, "task")
    heads = page.locator(".frame thead")
    for wanted, order, first in (("seconds", "ascending", "30"), ("-seconds", "descending", "69")):
        heads.get_by_role("button", name="seconds").click()
        for seen in twice(page):
            assert asked(seen) == {"sort": wanted}
            assert column(seen, "seconds")[0] == first
            expect(seen.get_by_role("columnheader", name="seconds")).to_have_attribute("aria-sort", order)
    heads.get_by_role("button", name="seconds").click()
    assert asked(page) == {}
    assert column(page, "task") == before


def test_what_went_wrong_can_be_sorted_to_the_top(visit: Visit, ordinary: Path) -> None:
    page = visit(ordinary, "#/tools?sort=result")
    assert set(column(page, "result")[:10]) == {"✗ failed wrong"}


def test_the_last_row_is_reached_by_scrolling(visit: Visit, ordinary: Path) -> None:
    page = visit(ordinary, "#/tasks?sort=item")
    assert "task-039" not in column(page, "task")
    assert len(column(page, "task")) < 60  # not all of them are drawn
    page.locator(".frame").evaluate("(frame) => frame.scrollTo(0, frame.scrollHeight)")
    page.wait_for_selector(".frame tr[aria-rowindex='121']")
    assert column(page, "task")[-1] == "task-039"


def test_a_search_that_finds_no_finding_says_so(visit: Visit, ordinary: Path) -> None:
    page = visit(ordinary)
    page.locator("#sift").fill("no such words")
    expect(page.locator("#sifted")).to_have_text("no finding fits")
    page.locator("#sift").fill("")
    expect(page.locator("#sifted")).to_have_text("")


def test_findings_are_sifted_by_words_and_severity(visit: Visit, ordinary: Path) -> None:
    page = visit(ordinary)
    every = page.locator(".finding")
    assert every.count() == 3
    page.locator("#sift").fill("TW201 stands in the text")
    assert [one.get_attribute("id") for one in every.all() if one.is_visible()] == ["finding-TW201"]
    page.locator("#sift").fill("")
    page.locator("#severity").select_option("cosmetic")
    assert not [one for one in every.all() if one.is_visible()]


def test_a_finding_that_is_unfolded_shows_its_bytes(visit: Visit, ordinary: Path) -> None:
    page = visit(ordinary)
    found = page.locator(".finding:has(pre mark)").last
    found.evaluate("(node) => (node.open = false)")
    found.locator("> summary").click()
    page.wait_for_timeout(200)
    seen = """(mark) => {
      const [own, frame] = [mark, mark.closest("pre")].map((node) => node.getBoundingClientRect());
      return own.top >= frame.top && own.top < frame.bottom;
    }"""
    assert found.locator("pre mark").evaluate(seen)


def test_the_evidence_of_a_finding_is_saved(visit: Visit, ordinary: Path) -> None:
    page = visit(ordinary)
    with page.expect_download() as saved:
        page.locator("#finding-TW201").get_by_role("button", name="bug report bundle").click()
    assert saved.value.suggested_filename == "toolworthy-TW201-task-000-codex-1-0.zip"
    archive = zipfile.ZipFile(io.BytesIO(Path(saved.value.path()).read_bytes()))
    assert b"<tool_call>" in archive.read("response.body")


def test_every_link_leads_somewhere(visit: Visit, ordinary: Path) -> None:
    page = visit(ordinary)
    known = {one.get_attribute("id") for one in page.locator("[id]").all()}
    trials = set()
    for view in ("", "#/tasks", "#/tools", "#/wire", AT_TRIAL):
        page.evaluate("(to) => (location.hash = to)", view)
        if view == AT_TRIAL:
            opened(page)
        for link in page.locator("a[href]").all():
            href = link.get_attribute("href") or ""
            assert href.startswith("#")
            if href.startswith("#/at/"):
                trials.add(href.partition("?")[0])
            elif not href.startswith("#/"):
                assert href[1:] in known, href
    for trial in sorted(trials)[::20]:
        page.evaluate("(to) => (location.hash = to)", trial)
        opened(page)


@pytest.mark.parametrize(
    "address",
    [
        "#%E0%A4%A",
        "#/",
        "#/nowhere",
        "#/at",
        "#/at/%zz",
        "#/at/0/tasks/none/none%231?step=9&with=x",
        "#/tasks?sort=x&agent=x",
    ],
)
def test_an_address_of_nothing_is_no_error(visit: Visit, ordinary: Path, address: str) -> None:
    page = visit(ordinary, address)
    assert page.locator("#explorer").inner_text()
    page.locator(".tabs a", has_text="Wire").click()
    expect_rows(page, 12, 12)


def test_a_real_run_is_followed_from_its_verdict_to_the_bytes(visit: Visit, real: Path) -> None:
    page = visit(real)
    page.locator(".agents a[href^='#finding-']").first.click()
    found = page.locator(".finding:target")
    found.locator("a[href*='step=']").click()
    opened(page)
    assert in_view(page.locator(".step.wanted .line"))
    assert page.locator(".step.wanted a[href^='#finding-']").first.is_visible()
    for table in ("#/tools", "#/wire"):
        page.evaluate("(to) => (location.hash = to)", table)
        page.locator(".frame td a").first.click()
        opened(page)
        assert page.locator(".steps .step").count()
