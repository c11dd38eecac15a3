"""Texts without end, depths without bottom, bytes that are no text, numbers that are none: the page goes on."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support import made
from tests.support.look import Visit
from toolworthy.records.case import Miss
from toolworthy.records.exchange import Chunk
from toolworthy.records.score import Cause, Tokens

LONG = "0123456789" * 500_000
"""5 MB in one line."""
DEEP = 10_000
PATIENCE = 20.0
"""Seconds; it takes less than one. A page that hangs takes minutes."""
AT_TRIAL = "#/at/0/tasks/t/codex%231?step=0"


def opened(visit: Visit, run: made.RunDirectory, view: str = AT_TRIAL) -> Page:
    """Its page, with the trial opened, and every fold in it."""
    page = visit(made.page(run), view)
    began = time.monotonic()
    page.wait_for_selector(".subject .facts")
    for _ in range(5):
        page.evaluate("document.querySelectorAll('.subject details').forEach((one) => (one.open = true))")
        page.wait_for_timeout(50)
    assert time.monotonic() - began < PATIENCE
    return page


def trial(parent: Path, *exchanges: made.Exchange, **more: object) -> made.RunDirectory:
    """A run of one trial with these exchanges."""
    run = made.begun(parent)
    result = made.trial("t", "codex", "failed", **more)
    run.append(result.model_copy(update={"exchanges": made.recorded(run, result.key, exchanges)}))
    return run


def test_five_megabytes_in_one_line(visit: Visit, tmp_path: Path) -> None:
    """In whatever a model, a server, an agent or a verifier says."""
    call = {"id": LONG, "type": "function", "function": {"name": LONG, "arguments": json.dumps({LONG: LONG})}}
    headers = {"content-type": "application/json", "x-long": LONG}
    answer = made.exchange(
        "t", 0, LONG, call=call, request=made.request(user=LONG, tool=LONG), response_headers=headers
    )
    refused = made.exchange("t", 1, body=json.dumps({"error": {"message": LONG}}).encode(), status=400, path=f"/{LONG}")
    run = trial(
        tmp_path,
        answer,
        refused,
        score=made.score(made.finding(detail=LONG, title=LONG), models_answered=(LONG,), losses=(LONG,)),
        cause=Cause(kind="wrong result", fault="model", detail=LONG),
        agent_output=LONG,
        diff="+" + LONG,
        reproduce=LONG,
    )
    miss = Miss(kind="wrong argument", wanted=LONG, given=LONG[1:], detail=LONG)
    run.append(made.case("c", status="wrong", misses=(miss,), detail=LONG))
    run.append(made.probe("p", verdict="broken", title=LONG, detail=LONG))
    page = opened(visit, run)
    assert run.path.joinpath("report.html").stat().st_size < 20_000_000
    began = time.monotonic()
    while (more := page.locator(".subject .step").first.get_by_role("button", name="more (")).count():
        more.first.click()
    assert len(page.locator(".subject").inner_text()) < 3_000_000
    assert "characters …" in page.get_by_role("group", name="the answer's text").inner_text()
    for view in ("#/tools", "#/wire", "#/at/0/tools/c/codex%231", "#/at/0/wire/p/chat-stream"):
        page.evaluate("(to) => (location.hash = to)", view)
        page.wait_for_selector(".subject .facts" if "/at/" in view else ".frame tbody tr")
    assert time.monotonic() - began < PATIENCE


@pytest.mark.parametrize(
    ("opening", "closing"),
    [('{"a":', "}"), ("[", "]"), ('{"a":', ""), ("[", "")],
    ids=["objects", "lists", "cut", "open"],
)
def test_ten_thousand_levels(visit: Visit, tmp_path: Path, opening: str, closing: str) -> None:
    deep = opening * DEEP + "1" + closing * DEEP
    call = {"id": "c", "type": "function", "function": {"name": "read", "arguments": deep}}
    asked = made.request()[:-1] + b', "metadata": ' + deep.encode() + b"}"
    page = opened(
        visit,
        trial(
            tmp_path,
            made.exchange("t", 0, call=call, request=asked),
            made.exchange("t", 1, body=deep.encode(), request=deep.encode()),
            made.exchange(
                "t", 2, body=b"data: " + deep.encode() + b"\n\n", response_headers={"content-type": "text/event-stream"}
            ),
            score=made.score(made.finding(excerpt=opening * 40)),
        ),
    )
    assert page.locator(".subject .step").count() == 3
    expect(page.locator(".call").first).to_contain_text(opening * 3)


def test_bytes_that_are_no_text(visit: Visit, tmp_path: Path) -> None:
    broken = b"\xff\xfe\x80{\xc3\x28 \xe2\x82\x00 \xed\xa0\x80"
    halves = (Chunk(0.1, "a€b".encode()[:2]), Chunk(0.2, "a€b".encode()[2:]))
    page = opened(
        visit,
        trial(
            tmp_path,
            made.exchange("t", 0, body=broken, request=broken),
            made.exchange("t", 1, chunks=halves),
            score=made.score(made.finding(excerpt="\\xff")),
        ),
    )
    first, second = page.locator(".subject .step").all()
    expect(first.get_by_role("group", name="response body")).to_contain_text(
        r"\xff\xfe\x80{\xc3( \xe2\x82␛00 \xed\xa0\x80"
    )
    expect(first.get_by_role("group", name="request body")).to_contain_text(r"\xff\xfe\x80{\xc3(")
    expect(second.get_by_role("group", name="response body")).to_contain_text(r"a\xe2\x82\xacb")


def test_numbers_that_are_none(visit: Visit, tmp_path: Path) -> None:
    body = (
        '{"id":"1","model":"m","created":1e400,"choices":[{"index":-1e400,"message":{"content":"so it is"},'
        '"finish_reason":NaN}],"usage":{"prompt_tokens":%s,"completion_tokens":1e308,"total_tokens":-Infinity}}'
    ) % ("9" * 400)
    asked = b'{"model":"m","messages":[{"role":"user","content":"hi"}],"temperature":NaN,"max_tokens":1e999}'
    run = trial(
        tmp_path,
        made.exchange("t", 0, body=body.encode(), request=asked),
        score=made.score(tokens=Tokens(input=2**53, output=-(2**53)), cost_usd=1e300, request_seconds=(1e-300, 1e300)),
        seconds=1e12,
    )
    run.append(made.trial("t", "opencode", score=made.score(tokens=Tokens(input=2**53, output=1))))
    page = opened(visit, run)
    expect(page.get_by_role("group", name="the answer's text")).to_have_text("so it is")
    page.evaluate("location.hash = '#/tasks?sort=-tokens'")
    expect(page.locator(".frame tbody tr")).to_have_count(2)


def test_very_many_pieces_and_lines(visit: Visit, tmp_path: Path) -> None:
    pieces = tuple(Chunk(at / 1000, b"data: {}\n\n") for at in range(20_000))
    run = trial(tmp_path, made.exchange("t", 0, chunks=pieces), diff="+line\n" * 200_000, agent_output="\n" * 100_000)
    page = opened(visit, run)
    assert page.locator(".raw tbody tr").count() == 400
    expect(page.locator(".subject")).to_contain_text("19,600 more pieces")
    expect(page.locator(".subject")).to_contain_text("more lines in the run directory")


def test_texts_that_differ_in_every_word_are_compared_in_time(visit: Visit, tmp_path: Path) -> None:
    """An exact comparison of two such texts takes 15 seconds."""
    run = made.begun(tmp_path)
    miss = Miss(kind="wrong argument", wanted="!." * 4_900, given=",:" * 4_900)
    run.append(made.case("c", status="wrong", misses=(miss,) * 3))
    page = opened(visit, run, "#/at/0/tools/c/codex%231")
    expect(page.locator(".subject .pair").last).to_contain_text(",:,:,:")
