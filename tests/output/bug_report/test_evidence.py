"""A finding becomes an archive that a stranger can read and run, in which no byte is changed and no key is left."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import zstandard

from tests.support.commands import only_run, run, suites
from tests.support.ticketed import (
    KEY,
    NEEDED,
    SAID,
    TRIAL,
    a_run,
    again,
    file_of,
    finding,
    keep,
    only,
    opened,
    recorded,
    unpacked,
)
from tests.support.upstream import endpoint, reply, serve
from toolworthy import rules
from toolworthy.base.errors import ToolworthyError
from toolworthy.cli import main as cli
from toolworthy.content.situations import Situation
from toolworthy.gateway import Gateway, ask
from toolworthy.judgement.analysis.unruled import UNRULED
from toolworthy.output.bug_report.evidence import bundle, choose, located_findings, name
from toolworthy.records.exchange import Chunk, Exchange, ExchangeFailure
from toolworthy.records.finding import Evidence
from toolworthy.records.probe import ProbeKey, ProbeResult
from toolworthy.records.score import Cause
from toolworthy.records.store import RunDirectory
from toolworthy.records.trial import TrialResult
from toolworthy.work.probes import load_suite

# ---- what is in it -----------------------------------------------------------------------------------------------


def test_bytes_survive_and_the_archive_is_always_the_same(tmp_path: Path) -> None:
    every = bytes(range(256)) * 3
    chunks = (Chunk(0.1, every[:300]), Chunk(1.25, b""), Chunk(2.5, every[300:]))
    made = a_run(tmp_path, [recorded(chunks=chunks, request_body=every)], finding())
    data = bundle(made, only(made))
    files = opened(data)
    assert files["response.body"] == every
    assert files["request.json"] == every
    assert files["timing.csv"] == b"seconds,bytes\n0.100000,300\n1.250000,0\n2.500000,468\n"
    assert list(files) == sorted({*NEEDED, "request.json", "reproduce.sh", "reproduce.py", "rule.md"})
    assert data == bundle(RunDirectory.open(made.path), only(made))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_it_says_what_is_wrong_and_who_says_so(tmp_path: Path) -> None:
    answer = b'{"model": "m-2026", "choices": [{"message": {"role": "assistant", "content": "x"}}]}'
    one = recorded(3, chunks=(Chunk(0.25, answer),))
    made = a_run(
        tmp_path, [recorded(), one], finding("TW101", 3, detail="no id"), finding("TW101", 3, detail="no name")
    )
    located = only(made)
    assert located.id == "TW101@tasks/fix-it/codex#1:3"
    assert located.detail == "no id; no name"
    files = opened(bundle(made, located))
    told = files["README.md"].decode()
    rule = next(rule for rule in rules.RULES if rule.code == "TW101")
    for part in (
        f"# {rule.label}: t",
        "No id; no name.",
        rule.why,
        f"\n\nExpected: {rule.right}\n\n",
        "the bytes",
        "`codex 0.169.0`",
        "`https://e.example/v1`",
        "asked `m`, answered `m-2026`",
        "2026-11-25 11:23:58 UTC",
        "toolworthy `0.1.0`",
        "HTTP 200",
        "headers `authorization`",
        *(f"`{file}`" for file in files if file != "README.md"),
    ):
        assert part in told
    for_programs = json.loads(files["finding.json"])
    assert for_programs["finding"]["id"] == located.id
    assert for_programs["rule"]["sources"] == list(rule.sources)
    assert for_programs["rule"]["right"] == rule.right
    assert for_programs["model"] == {"asked": "m", "answered": "m-2026"}
    assert rule.title in files["rule.md"].decode()
    assert files["response-headers.txt"].startswith(b"HTTP 200\n")
    assert b"POST /v1/chat/completions\n" in files["request-headers.txt"]


@pytest.mark.process
def test_a_translated_request_is_there_as_it_was_sent_and_as_the_agent_sent_it(tmp_path: Path) -> None:
    async def go() -> None:
        asked = {"model": "m", "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": "hi"}]}
        body = json.dumps(asked).encode()

        async def answer(request: dict[str, Any], send: Any) -> None:
            await reply(send, 200, b"data: [DONE]\n\n", "text/event-stream")

        async with serve(answer) as upstream:
            records: list[Exchange] = []
            async with Gateway(endpoint(upstream.url, "chat", key=KEY), records.append) as gateway:
                await ask(gateway.direct(str(TRIAL)), "/v1/messages", body, 5, {"anthropic-version": "2023-06-01"})
            made = a_run(tmp_path, records, finding())
            files = opened(bundle(made, only(made)))
            folder = unpacked(bundle(made, only(made)), tmp_path / "x")
            for program in ("sh", "py"):
                await again(folder, program, ENDPOINT_URL=f"{upstream.url}/v1", ENDPOINT_KEY=KEY)
        assert files["agent-request.json"] == body
        assert files["request.json"] == upstream.requests[0]["body"] != body
        assert "translated by toolworthy from messages" in files["README.md"].decode()
        seen = [{**request["headers"], "user-agent": "", "host": "", "connection": ""} for request in upstream.requests]
        for request, headers in zip(upstream.requests, seen, strict=True):
            assert (request["path"], request["body"]) == ("/v1/chat/completions", files["request.json"])
            assert headers == seen[0]

    asyncio.run(go())


def test_a_packed_request_is_unpacked(tmp_path: Path) -> None:
    headers = {"content-type": "application/json", "content-encoding": "zstd"}
    packed = zstandard.ZstdCompressor().compress(SAID.replace(b"hi", KEY[:8].encode()))
    made = a_run(tmp_path, [recorded(request_body=packed, request_headers=headers)], finding())
    files = opened(bundle(made, only(made), {"TOOLWORTHY_API_KEY": KEY[:8]}))
    assert json.loads(files["request.json"])["messages"][0]["content"] == "[redacted]"
    assert b"content-encoding" not in files["reproduce.sh"] + files["reproduce.py"]
    assert "unpacked here" in files["README.md"].decode()


def test_no_answer_is_evidence_too(tmp_path: Path) -> None:
    made = a_run(
        tmp_path,
        [recorded(status=None, chunks=(), response_headers={}, error=ExchangeFailure("broken off", "by peer"))],
        finding(),
    )
    files = opened(bundle(made, only(made)))
    assert files["response.body"] == b""
    assert files["response-headers.txt"] == b"no response: the endpoint broke the connection: by peer\n"
    assert "**Answer:** none; `the endpoint broke the connection: by peer`" in files["README.md"].decode()


@pytest.mark.parametrize("key", [KEY, "sk-plain-0123456789abcdef", "schlüssel-ñ-0123"])
@pytest.mark.parametrize("named", [None, "MY_KEY"])
def test_no_byte_of_a_key_is_in_it(tmp_path: Path, key: str, named: str | None) -> None:
    """Not even where the record holds what it should not hold."""
    forms = [
        key.encode(),
        json.dumps(key)[1:-1].encode(),
        base64.b64encode(key.encode()).rstrip(b"="),
        base64.b64encode(b":" + key.encode()).rstrip(b"="),
    ]
    echo = b"you are " + b" or ".join(forms) + b"!"
    cut = echo.index(forms[0]) + 3
    exchange = recorded(
        path=f"/v1/chat/completions?key={key}",
        request_headers={"authorization": f"Bearer {key}", "x-mine": key, "content-type": "application/json"},
        request_body=b'{"model": "' + forms[1] + b'"}',
        upstream_body=b'{"model": "x' + forms[1] + b'"}',
        losses=(key,),
        response_headers={"x-echo": f"is {key}", "set-cookie": "session=5e55"},
        chunks=(Chunk(0.1, echo[:cut]), Chunk(0.2, echo[cut:])),
        error=ExchangeFailure("failed", f"no {key}"),
    )
    where = {"name": key, "provider": "generic", "model": key, "key_env": named}
    about = {"endpoint": {**where, "base_urls": {"chat": f"https://{key}@e.example/{key}/v1?k={key}"}}}
    made = a_run(tmp_path, [exchange], finding(detail=key), agents={"codex": key}, **about)
    data = bundle(made, only(made), {named or "TOOLWORTHY_API_KEY": key})
    files = opened(data)
    for file, content in {**files, "archive": data}.items():
        for form in (*forms, key[:8].encode(), b"5e55"):
            assert form not in content, file
    assert b"\nauthorization: [redacted]\n" in files["request-headers.txt"]
    assert b"\nset-cookie: [redacted]\n" in files["response-headers.txt"]
    assert files["response.body"].startswith(b"you are [redacted] or ")
    rows = files["timing.csv"].decode().splitlines()[1:]
    assert sum(int(row.split(",")[1]) for row in rows) == len(files["response.body"])
    assert any(form in b"".join(opened(bundle(made, only(made), {})).values()) for form in forms), "proves nothing"


def test_nothing_a_model_wrote_is_obeyed_by_a_tracker(tmp_path: Path) -> None:
    odd = "` @someone <img src=x> ![x](https://e.example/x.png) | `code` \x1b[31m \u202e"
    quoted = finding(detail=odd).model_copy(update={"evidence": Evidence(exchange=0, excerpt="```\n@someone\n~~~")})
    about = {"endpoint": {"name": odd, "model": odd}}
    answer = json.dumps({"model": odd, "choices": []}).encode()
    made = a_run(
        tmp_path,
        [recorded(chunks=(Chunk(0, answer),), error=ExchangeFailure("failed", odd))],
        quoted,
        agents={"codex": odd},
        **about,
    )
    told = opened(bundle(made, only(made)))["README.md"].decode()
    assert not set(told) & {"\x1b", "\u202e"}
    lines = told.splitlines()
    fence = next(line for line in lines if line.startswith("````"))
    assert lines.count(fence.removesuffix("text")) == 1
    outside = told.split("````")[0] + told.split("````")[2]
    parts = outside.split("`")
    for text in parts[::2]:  # what is in no code span
        assert "@someone" not in text
        assert "<img" not in text
        assert "![" not in text


def test_names_are_safe(tmp_path: Path) -> None:
    made = a_run(tmp_path, [recorded(3)], finding("TW214", 3))
    assert name(only(made)) == "toolworthy-TW214-fix-it-codex-1-3.zip"
    odd = replace(only(made), subject="tools/../../etc/" + "x" * 500 + "\x1b/é")
    assert set(name(odd)) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-")
    assert ".." not in name(odd)
    assert len(name(odd)) < 150


# ---- what there is -----------------------------------------------------------------------------------------------


def test_failed_trials_and_probes_are_there_too(tmp_path: Path) -> None:
    made = a_run(tmp_path, [recorded()])
    key = TRIAL.model_copy(update={"repeat": 2})
    cause = Cause(kind="unknown tool", fault="model", detail="sing was called", exchange=4)
    made.append(TrialResult(key=key, status="failed", cause=cause, exchanges=file_of(key)))
    vague = Cause(kind="infrastructure", fault="infrastructure", detail="no request was sent")
    made.append(TrialResult(key=key.model_copy(update={"repeat": 3}), status="error", cause=vague, exchanges="x"))
    for verdict in ("broken", "rejected", "ignored", "supported", "unmeasured"):
        probe = ProbeKey(probe=f"is-{verdict}", api="chat")
        made.append(
            ProbeResult(key=probe, title="t", verdict=verdict, detail="d", requests=2, exchanges=file_of(probe))
        )
    assert [located.id for located in located_findings(made)] == [
        "cause-unknown-tool@tasks/fix-it/codex#2:4",
        "is-broken@wire/is-broken/chat:1",
        "is-rejected@wire/is-rejected/chat:1",
        "is-ignored@wire/is-ignored/chat:1",
    ]


@pytest.mark.parametrize(("situation", "said"), [("bad-request", "degrades"), ("parallel-calls", "blocks")])
def test_nothing_blocks_in_a_run_that_harms_no_agent(tmp_path: Path, situation: Situation, said: str) -> None:
    """Its exit code is 0: no agent sends such a request."""
    made = a_run(tmp_path, [recorded()])
    told = {"served": ("chat",), "severity": "blocks", "situation": situation, "agents": ("*",), "requests": 1}
    key = ProbeKey(probe="mine", api="chat", stream=True)
    made.append(ProbeResult(key=key, title="t", verdict="broken", exchanges=file_of(key), **told))
    assert [located.severity for located in located_findings(made)] == [said]


def test_a_probes_verdict_is_shown_by_what_was_asked_its_own_way(tmp_path: Path) -> None:
    """Where the same came right the other way, those answers were the last."""
    key = ProbeKey(probe="one-call", api="chat", stream=True)
    asked = [True, True, False, False]
    made = a_run(tmp_path, [])
    keep(
        made,
        [
            recorded(n, trial=str(key), request_body=json.dumps({"model": "m", "stream": stream}).encode())
            for n, stream in enumerate(asked)
        ],
    )
    made.append(ProbeResult(key=key, title="t", verdict="broken", requests=4, exchanges=file_of(key)))
    assert only(made).id == "one-call@wire/one-call/chat-stream:1"
    told = opened(bundle(made, only(made)))["README.md"].decode()
    assert " ".join(load_suite()["one-call"].explanation.split())[:60] in told


def test_of_a_trial_that_was_run_again_the_last_bytes_count(tmp_path: Path) -> None:
    made = a_run(tmp_path, [recorded(chunks=(Chunk(0, b"old"),))], finding())
    assert opened(bundle(made, only(made)))["response.body"] == b"old"
    keep(made, [recorded(chunks=(Chunk(0, b"new"),))])
    assert opened(bundle(made, only(made)))["response.body"] == b"new"


def test_a_code_stands_for_its_best_evidence(tmp_path: Path) -> None:
    sizes = {0: 900, 1: 50, 2: 10, 3: 60}
    exchanges = [recorded(n, chunks=(Chunk(0, b"x" * size),)) for n, size in sizes.items()]
    marks = {0: "blocks", 1: "blocks", 2: "degrades", 3: "blocks", 9: "blocks"}
    made = a_run(tmp_path, exchanges, *(finding("TW101", n, severity) for n, severity in marks.items()))
    every = located_findings(made)
    assert choose(made, every, "tw101").exchange == 1
    assert choose(made, every, "missing-tool-call-id").exchange == 1
    assert choose(made, every, "TW101@tasks/fix-it/codex#1:2").exchange == 2
    with pytest.raises(ToolworthyError, match=r"did you mean 'TW101@tasks/fix-it/codex#1:2'"):
        choose(made, every, "TW101@tasks/fix-it/codex:2")
    with pytest.raises(ToolworthyError, match="did you mean 'TW101'"):
        choose(made, every, "TW102")
    with pytest.raises(ToolworthyError, match="Use one of TW101, "):
        choose(made, every, "§§§§")


# ---- what can be wrong -------------------------------------------------------------------------------------------


def test_bytes_that_are_gone_are_told(tmp_path: Path) -> None:
    made = a_run(tmp_path, [recorded(), recorded(1)], finding(exchange=1))
    path = made.path / only(made).file
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    with pytest.raises(ToolworthyError, match=r"is truncated: the bytes of TW101@.*:1 are not in it"):
        bundle(made, only(made))
    for rubbish in (
        b"",
        b"no record",
        zstandard.compress(b"[1]"),
        zstandard.compress(b'{"pieces": {"a": "\\u0000!"}}'),
    ):
        path.write_bytes(rubbish)
        with pytest.raises(ToolworthyError, match=r"is truncated|is not a record of exchanges"):
            bundle(made, only(made))
    path.unlink()
    with pytest.raises(ToolworthyError, match="the bytes are gone"):
        bundle(made, only(made))
    path.mkdir()
    with pytest.raises(ToolworthyError, match="the bytes are gone"):
        bundle(made, only(made))


def test_what_the_gateway_answered_is_no_evidence(tmp_path: Path) -> None:
    made = a_run(tmp_path, [recorded(local=True)], finding())
    with pytest.raises(ToolworthyError, match="answered this request itself"):
        bundle(made, only(made))


@pytest.mark.process
def test_the_command_as_users_run_it(tmp_path: Path) -> None:
    options = ("--task", "fix-failing-test", "--endpoint", "oracle:done-marker-missing")
    assert suites(*options, cwd=tmp_path).returncode == 0
    path = str(only_run(tmp_path))
    listed = run("toolworthy", "evidence", path, cwd=tmp_path)
    assert listed.returncode == 0
    first, second, *_ = listed.stdout.splitlines()
    assert first.startswith("TW311 missing-done-marker  degrades  ×6  ")
    assert second.strip() == "TW311@tasks/fix-failing-test/builtin#1:0"
    written = run("toolworthy", "evidence", path, "TW311", cwd=tmp_path)
    assert (written.returncode, written.stdout) == (0, "toolworthy-TW311-fix-failing-test-builtin-1-0.zip\n")
    assert run("toolworthy", "evidence", path, second.strip(), "-o", "e.zip", cwd=tmp_path).returncode == 0
    assert (tmp_path / "e.zip").read_bytes() == (tmp_path / written.stdout.strip()).read_bytes()
    assert set(opened((tmp_path / "e.zip").read_bytes())) > NEEDED


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere",), "nowhere is not a run directory"),
        (("RUN", "TW102"), "did you mean 'TW101'?"),
        (("RUN", "TW101", "-o", "no/such/e.zip"), "cannot write no/such/e.zip"),
        (("RUN", "TW101", "-o", "."), "cannot write ."),
        (("RUN", "-o", "e.zip"), "no finding is named"),
    ],
)
def test_mistakes_are_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: Sequence[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    path = str(a_run(tmp_path, [recorded()], finding()).path)
    assert cli.main(["evidence", *(path if word == "RUN" else word for word in arguments)]) == 4
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert said in err
    assert not list(tmp_path.glob("*.zip"))


@pytest.mark.parametrize("code", UNRULED)
def test_a_cause_without_a_rule_has_evidence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """`no-tool-calls` and its like are listed as root causes: what the terminal names can be bundled."""
    monkeypatch.chdir(tmp_path)
    made = a_run(tmp_path, [])
    key = ProbeKey(probe="one-call", api="chat", stream=False)
    keep(made, [recorded(trial=str(key))])
    about = {"title": "one call", "agents": ("*",), "requests": 1, "detail": "no call comes", "cause": code}
    made.append(ProbeResult(key=key, verdict="broken", exchanges=file_of(key), **about))
    assert cli.main(["evidence", str(made.path), code]) == 0
    (archive,) = tmp_path.glob("*.zip")
    files = opened(archive.read_bytes())
    told = json.loads(files["finding.json"])["finding"]
    assert (told["code"], told["title"], told["severity"]) == (code, UNRULED[code].title, "blocks")
    assert files["request.json"] == SAID
    assert UNRULED[code].title in files["README.md"].decode()


@pytest.mark.process
def test_a_run_in_which_nothing_was_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from toolworthy.cli.commands import evidence

    assert evidence.run(a_run(tmp_path, [recorded()]).path) == 0
    assert "nothing to bundle" in capsys.readouterr().out
