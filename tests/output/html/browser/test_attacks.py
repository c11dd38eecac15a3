"""What models, servers and names say is shown and never obeyed, wherever it stands; nothing that can be said stops the
page.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support import made
from tests.support.look import Visit, unfold
from toolworthy.base.sanitize import HIDDEN
from toolworthy.records.case import Miss
from toolworthy.records.exchange import ExchangeFailure
from toolworthy.records.score import Cause, Tokens
from toolworthy.records.store import GATE, RunDirectory

HIT = "window.__hit=1;alert(1)"
ATTACKS = {
    "script": f"</script><script>{HIT}</script>",
    "img": f"<img src=x onerror={HIT}>",
    "svg": f"<svg onload={HIT}><script>{HIT}</script></svg>",
    "attribute": f"\"' autofocus onfocus={HIT} onmouseover='{HIT}' x=\"",
    "ends": f"</title></style></textarea></pre></details><script>{HIT}</script>",
    "link": f"[x](javascript:{HIT}) <a href='javascript:{HIT}'>javascript:{HIT}</a>",
    "data": f"<iframe srcdoc='<script>parent.{HIT}</script>' src='data:text/html,<script>{HIT}</script>'></iframe>",
    "object": f"<object data='data:text/html,<script>{HIT}</script>'></object><embed src='javascript:{HIT}'>",
    "style": "<style>* { display: none !important }</style><link rel=stylesheet href=//evil.example/x.css>",
    "base": "<base href='https://evil.example/'><form action=//evil.example><button>",
    "meta": f"<meta http-equiv=refresh content='0;url=javascript:{HIT}'>",
    "template": "{{ 7 * 7 }} {% raw %} ${7 * 7} #{7 * 7} {{= 7 * 7 }} {{ self.__init__ }} {# no #}",
    "comment": "<!--<script>--!><![CDATA[ --> <!-- <script",
    "ansi": "\x1b[2J\x1b]0;title\x07\x9b31mred",
    "bidi": "user\u202e\u2066gpj.exe\u2069\u202c\u061c",
    "zero width": "pass\u200bword\u2060\ufeff\u00ad",
    "tags": "".join(chr(0xE0000 + ord(mark)) for mark in "obey me"),
    "controls": "".join(map(chr, [*range(1, 9), 11, 12, *range(14, 32), 127])),
    "null": "nu\0ll",
    "surrogate": "half \ud83d and \udc00 half",
    "replacement": "$& $1 $` \\1 %s %(x)s {0} &lt;b&gt; &#x27; &amp;",
    "prototype": "__proto__ constructor toString",
}


def name_of(text: str) -> str:
    """What a folder can be called."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode()


LISTS = ("adapters", "task_folders", "case_paths")
"""Options of a run that are lists of texts."""


def hostile(parent: Path, text: str) -> RunDirectory:
    """A run in which `text` stands in every field that others can influence."""
    name = name_of(text)
    endpoint = {
        "name": name,
        "model": name,
        "provider": "generic",
        "base_urls": {"chat": f"https://models.example/{name}"},
        "forced_api": None,
    }
    run = made.begun(
        parent,
        endpoint=endpoint,
        command=f"toolworthy run --model '{name}'",
        platform=name,
        python=name,
        toolworthy=name,
        agents={"codex": name, name: name},
        tasks={name: name},
        options={**dict.fromkeys(("toolset", "only"), name), **{option: [name] for option in LISTS}},
    )
    found = made.finding("TW201", title=name, detail=name, excerpt=name)
    score = made.score(found, models_answered=(name,), losses=(name,), translated=True, tokens=Tokens(input=10**30))
    for agent in ("codex", name):
        cause = Cause(kind="wire defect", fault="server", detail=name, exchange=0)
        given: dict[str, Any] = {
            "score": score,
            "cause": cause,
            "agent_version": name,
            "agent_ended": name,
            "agent_output": name,
            "diff": f"--- a/{name}\n+++ b/{name}\n@@ -1 +1 @@ {name}\n-{name}\n+{name}\n",
            "sandbox": name,
            "task_digest": name,
            "reproduce": name,
        }
        result = made.trial(name, agent, "failed", **given)
        verification = result.verification and result.verification.model_copy(update={"output": name, "ended": name})
        file = made.recorded(run, result.key, exchanges(result.key, text))
        run.append(result.model_copy(update={"exchanges": file, "verification": verification}))
    miss = Miss(kind="wrong argument", wanted=name, given=f"{name} {name}", detail=name)
    case = made.case(name, name, "wrong", category=name, misses=(miss,), detail=name, reproduce=name, score=score)
    run.append(case.model_copy(update={"exchanges": made.recorded(run, case.key, exchanges(case.key, text))}))
    probe = made.probe(name, verdict="broken", title=name, detail=name, agents=("*", name), reproduce=name)
    run.append(probe.model_copy(update={"exchanges": made.recorded(run, probe.key, exchanges(probe.key, text))}))
    criterion = {"name": name, "answer": "fail", "said": name, "next": [name]}
    gate = {"answer": "fail", "meaning": name, "baseline": name, "candidate": name, "policy": name, "confidence": 0.95}
    run.write(GATE, json.dumps({**gate, "criteria": [criterion], "notes": [name]}))
    return run


def exchanges(key: object, text: str) -> list[Any]:
    """An answer, a stream, an error and silence, all of which say `text` wherever they can."""
    arguments = json.dumps({text: text, "path": [text, {text: text}]})
    call = {"id": text, "type": text, "function": {"name": text, "arguments": arguments}}
    body = {"id": text, "model": text, "object": text, "system_fingerprint": text, "usage": {text: text}}
    message = {"role": text, "content": text, "reasoning_content": text, "tool_calls": [call]}
    whole = {**body, "choices": [{"index": 0, "message": message, "finish_reason": text}]}
    piece = {**body, "choices": [{"index": 0, "delta": message, "finish_reason": text}]}
    error = {"error": {"message": text, "type": text, "code": text}}
    asked = {
        "model": text,
        "messages": [
            {"role": "system", "content": text},
            {"role": text, "content": [{"type": "text", "text": text}, {"type": text, text: text}]},
            {"role": "assistant", "content": text, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": text, "content": text},
        ],
        "tools": [{"type": "function", "function": {"name": text, "description": text, "parameters": {text: text}}}],
    }
    plain = name_of(text)
    headers = {"content-type": "application/json", plain: plain, "x-served-by": plain}
    stream = {"content-type": "text/event-stream", plain: plain}
    given: dict[str, Any] = {
        "request": json.dumps(asked).encode(),
        "method": plain,
        "path": f"/v1/{plain}",
        "request_headers": headers,
        "response_headers": headers,
        "losses": (plain,),
    }
    event = f"data: {json.dumps(piece)}\n\n".encode() + b"data: " + text.encode("utf-8", "surrogatepass") + b"\n\n"
    return [
        made.exchange(key, 0, **given, body=json.dumps(whole).encode()),
        made.exchange(key, 1, **{**given, "response_headers": stream}, body=event, upstream_body=event),
        made.exchange(key, 2, **given, body=json.dumps(error).encode(), status=400),
        made.exchange(key, 3, **given, body=b"", status=None, error=ExchangeFailure("failed", plain)),
    ]


def look_everywhere(page: Page) -> None:
    """Open all that opens, in every view."""
    for table in ("#/tasks", "#/tools", "#/wire"):
        page.evaluate("(to) => (location.hash = to)", table)
        page.wait_for_selector(".frame tbody tr[data-index]")
        check(page)
        for link in page.locator(".frame td:first-child a").all():
            href = link.get_attribute("href")
            page.evaluate("(to) => (location.hash = to)", href)
            page.wait_for_selector(".subject .facts")
            unfold(page)
            check(page)
            while page.get_by_role("button", name="as sent").count():
                page.get_by_role("button", name="as sent").first.click()
            check(page)
            page.evaluate("(to) => (location.hash = to)", table)
            page.wait_for_selector(".frame tbody tr[data-index]")


def check(page: Page) -> None:
    """Nothing has run, nothing was made of the texts, and nothing in them hides."""
    assert page.evaluate("window.__hit") is None
    foreign = "img, iframe, object, embed, base, form, link, math, template, [srcdoc], [autofocus]"
    assert page.locator(f"{foreign}, a:not([href^='#'])").count() == 0
    assert page.locator("style").count() == 1
    assert page.locator("meta[http-equiv]").count() == 1
    assert page.locator("script:not([type='text/plain'])").count() == 1
    names = page.evaluate("[...document.querySelectorAll('*')].flatMap((node) => node.getAttributeNames())")
    assert not [name for name in names if name.lower().startswith("on")]
    seen = page.evaluate(
        """() => [
          document.title,
          ...[...document.querySelectorAll("body *:not(script)")].flatMap((node) => [
            ...["title", "aria-label", "data-copy", "id"].map((name) => node.getAttribute(name) ?? ""),
            ...[...node.childNodes].filter((one) => one.nodeType === 3).map((one) => one.data),
          ]),
        ].filter(Boolean)"""
    )
    assert not [text for text in seen if any(ord(mark) in HIDDEN or 0xD800 <= ord(mark) < 0xE000 for mark in text)]


DAILY = ("script", "attribute", "template", "ansi", "surrogate", "prototype")
"""One of each kind: code, an attribute's end, a template's, a terminal's, half a character, a name of the language."""


@pytest.mark.parametrize(
    "attack", [one if one in DAILY else pytest.param(one, marks=pytest.mark.nightly) for one in ATTACKS]
)
def test_an_attack_in_every_field_is_shown_and_not_obeyed(visit: Visit, tmp_path: Path, attack: str) -> None:
    run = hostile(tmp_path, ATTACKS[attack])
    page = visit(made.page(run))
    expect(page.locator(".agents")).not_to_have_count(0)  # nothing swallowed the rest of the page
    expect(page.locator("#run")).to_be_visible()
    unfold(page)
    check(page)
    look_everywhere(page)


def test_all_attacks_at_once(visit: Visit, tmp_path: Path) -> None:
    page = visit(made.page(hostile(tmp_path, " ".join(ATTACKS.values()))))
    unfold(page)
    check(page)
    look_everywhere(page)


def test_a_text_is_shown_as_it_was_written(visit: Visit, tmp_path: Path) -> None:
    for attack in ("script", "template", "replacement"):
        text = ATTACKS[attack]
        page = visit(made.page(hostile(tmp_path / attack, text)), "#/wire")
        assert page.title() == f"toolworthy: {text} at {text}"
        assert page.locator(".chips li").all_inner_texts()[:2] == [text, text]
        page.locator(".frame td a").first.click()
        page.wait_for_selector(".subject .facts")
        expect(page.get_by_role("group", name="the answer's text").first).to_have_text(text)
        expect(page.locator(".call strong").first).to_have_text(text)


def test_what_the_eye_would_not_see_is_marked(visit: Visit, tmp_path: Path) -> None:
    page = visit(made.page(hostile(tmp_path, ATTACKS["bidi"] + ATTACKS["tags"] + ATTACKS["surrogate"])), "#/wire")
    assert "user⟨U+202E⟩⟨U+2066⟩gpj.exe" in page.locator(".chips").inner_text()
    assert "⟨U+E006F⟩" in page.locator(".frame td").first.inner_text()
    page.locator(".frame td a").first.click()
    page.wait_for_selector(".subject .facts")
    said = page.get_by_role("group", name="the answer's text").first
    assert "user⟨U+202E⟩⟨U+2066⟩gpj.exe" in said.inner_text()
    assert "half ⟨U+D83D⟩ and ⟨U+DC00⟩ half" in said.inner_text()
    assert said.locator(".hidden-mark").count() >= 12
