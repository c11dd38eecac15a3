"""Files as people have them: which responses they hold, and what the rules find there."""

from __future__ import annotations

import io
import json
import random
import re
from dataclasses import replace
from pathlib import Path

import pytest

import toolworthy
from toolworthy import rules
from toolworthy.cli.main import main
from toolworthy.public.checking import check_file
from toolworthy.records import formats
from toolworthy.records.exchange import Exchange

SAMPLES = Path(__file__).with_name("samples")
SECRETS = (
    "sk-live-ABCDEF0123456789abcdef",
    "my-very-secret-token-42",
    "har-secret-token-99887766",
    "plog-secret-abcdef",
)
HELD: dict[str, list[tuple[str, set[str], int | None]]] = {
    "batch-output-good.jsonl": [("chat", set(), None)],
    "body-leaked-hermes.json": [("chat", {"TW201"}, 11)],
    "body-llamacpp-good.json": [("chat", set(), None)],
    "chunk-list-cut-arguments.json": [("chat", {"TW103"}, 1)],
    "chunks-no-prefix-no-index.txt": [("chat", {"TW301"}, 2)],
    "curl-i-502.txt": [("chat", {"TW608", "TW610"}, 6)],
    "curl-i-good.txt": [("chat", set(), None)],
    "curl-i-stream-as-json.txt": [("chat", {"TW606"}, 6)],
    "curl-v-vllm-no-parser.txt": [("chat", {"TW621"}, 20)],
    "gemini-array-good.json": [("gemini", set(), None)],
    "good.har": [("chat", set(), None)],
    "issue-fenced-null-id.md": [("chat", {"TW101"}, 13)],
    "litellm-bad-arguments.jsonl": [("chat", set(), None), ("chat", {"TW103"}, 2)],
    "litellm-good.jsonl": [("chat", set(), None)],
    "llamacpp-streamed-chunks.log": [("chat", set(), None)],
    "llamacpp-verbose-think.log": [("chat", {"TW202"}, 5)],
    "messages-cut-no-id.txt": [("messages", {"TW101"}, 2)],
    "messages-good.txt": [("messages", set(), None)],
    "not-as-asked.har": [("chat", {"TW605"}, 1)],
    "ollama-arguments-object.txt": [("chat", {"TW106"}, 1)],
    "proxy-log.jsonl": [("chat", {"TW702", "TW706"}, 1)],
    "responses-cut.txt": [("responses", {"TW503", "TW601"}, 7)],
    "stream-elided-good.txt": [("chat", set(), None)],
    "stream-error-inside.txt": [("chat", {"TW602"}, 1)],
    "stream-finish-stop-with-calls.txt": [("chat", {"TW112"}, 3)],
    "stream-good-crlf.txt": [("chat", set(), None)],
    "stream-quoted-no-blank-lines.txt": [("chat", set(), None)],
    "vllm-stream-good.txt": [("chat", set(), None)],
}
"""Of every response of a file: its API, the codes of what is wrong with it, and the line of the first of them."""


@pytest.mark.parametrize("name", sorted(path.name for path in SAMPLES.iterdir()))
def test_a_sample_is_read_and_judged(name: str) -> None:
    path = SAMPLES / name
    if name not in HELD:
        assert name.startswith("unknown-")
        with pytest.raises(toolworthy.ToolworthyError, match=f"{name} holds no response of a known format"):
            check_file(path)
        return
    checked = check_file(path)
    assert [one.endpoint_api for one in checked.exchanges] == [api for api, _, _ in HELD[name]]
    for number, (_, codes, line) in enumerate(HELD[name]):
        mine = [one for one in checked.findings if one.finding.evidence.exchange == number]
        assert {one.finding.code for one in mine} == codes
        assert min((one.line or 0 for one in mine), default=None) == line
    assert toolworthy.check(path) == tuple(one.finding for one in checked.findings)


def test_a_place_is_where_the_bytes_are() -> None:
    path = SAMPLES / "llamacpp-verbose-think.log"
    (found,) = check_file(path).findings
    assert found.offset is not None
    assert path.read_bytes()[found.offset :].startswith(b"<think>")


def test_requests_are_used_where_the_file_has_them() -> None:
    for name in ("good.har", "issue-fenced-null-id.md", "litellm-good.jsonl", "llamacpp-verbose-think.log"):
        (exchange,) = check_file(SAMPLES / name).exchanges
        assert exchange.request is not None
        assert exchange.request.messages


def test_no_credential_is_repeated() -> None:
    echoed = b"HTTP/1.1 401 Unauthorized\ncontent-type: text/plain\n\nbad key my-very-secret-token-42\n"
    text = (SAMPLES / "curl-v-vllm-no-parser.txt").read_bytes() + echoed
    checked = check_file(Path("pasted"), text)
    assert len(checked.exchanges) == 2
    said = repr([checked.findings, [exchange.request_headers for exchange in checked.exchanges]])
    assert "bad key [redacted]" in said
    assert not any(secret in said for secret in SECRETS)


def ways(body: bytes) -> dict[str, bytes]:
    """How a sound stream may come to a file."""
    text = body.decode()
    lines = [line for line in text.split("\n") if line]
    events = [line.removeprefix("data: ") for line in lines if line.startswith("data: {")]
    return {
        "as it is": body,
        "prefixes cut": "\n".join(events).encode(),
        "a list": f"[{','.join(events)}]".encode(),
        "CRLF": text.replace("\n", "\r\n").encode(),
        "UTF-16": b"\xff\xfe" + text.encode("utf-16-le"),
        "fenced": ("It says:\n```\n   " + text.replace("\n", "\n   ") + "\n```\nWhy?").encode(),
        "no blank lines": "\n".join(lines).encode(),
        "a log": "".join(f"12:00:01 DEBUG got {event}\n" for event in events).encode(),
        "in JSON": json.dumps({"request": {"url": "/x"}, "response": {"status": 200, "body": text}}).encode(),
        "its begin": "\n\n".join([*text.split("\n\n")[:2], "...\n"]).encode(),
    }


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> list[Exchange]:
    run = toolworthy.run("oracle", suites="wire", tier="quick", out=tmp_path_factory.mktemp("runs"))
    every = [one for result in run.probes for one in run.exchanges(result)]
    return [one for one in every if one.kind == "completion" and one.status == 200]


@pytest.mark.process
def test_a_sound_response_stays_one_without_its_request(sound: list[Exchange]) -> None:
    assert len(sound) > 40
    assert {one.endpoint_api for one in sound} == {"chat", "messages", "responses", "gemini"}
    assert rules.check(sound) == ()
    for exchange in sound:
        assert rules.check([replace(exchange, request_body=b"")]) == ()
        for way, data in (ways(exchange.body) if exchange.streamed else {"as it is": exchange.body}).items():
            checked = check_file(Path("pasted"), data)
            told = [(one.endpoint_api, one.streamed) for one in checked.exchanges]
            assert (way, told) == (way, [(exchange.endpoint_api, exchange.streamed)])
            assert (way, checked.findings) == (way, ())
            assert way != "as it is" or checked.exchanges[0].body == exchange.body


def test_a_file_that_never_ends_a_value_is_given_up() -> None:
    assert formats.read(b'{"a": [' * 200_000).exchanges == ()
    assert formats.read(b"[" * 200_000 + b"\ndata: ").exchanges == ()


def test_lines_wrapped_by_a_terminal_are_joined() -> None:
    text = (SAMPLES / "vllm-stream-good.txt").read_text()
    wrapped = re.sub(r"(.{80})", r"\1\n", text)
    assert check_file(Path("pasted"), wrapped.encode()).findings == ()


def told(capsys: pytest.CaptureFixture[str], *what: str) -> tuple[int, str, str]:
    code = main(["check", *what])
    out, err = capsys.readouterr()
    return code, out, err


def test_the_command_shows_what_is_wrong_where_and_what_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = told(capsys, str(SAMPLES / "issue-fenced-null-id.md"))
    assert (code, err) == (1, "")
    for part in (
        "1 finding, 1 blocking",
        "TW101 missing-tool-call-id",
        "line 13",
        '"id":null',
        "use instead: Every call",
    ):
        assert part in out
    assert told(capsys, str(SAMPLES / "chunks-no-prefix-no-index.txt"))[0] == 0, "no finding blocks"


def test_one_line_says_what_can_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = SAMPLES / "good.har", SAMPLES / "unknown-empty.txt"
    code, out, err = told(capsys, str(bad), str(good))
    assert code == 4
    assert "good.har: 1 response (chat): no findings" in out
    assert err.count("\n") == 1
    assert "HAR" in err
    assert told(capsys, str(SAMPLES / "none.txt"))[0] == 4


def test_programs_get_json(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = told(capsys, "--json", str(SAMPLES / "litellm-bad-arguments.jsonl"))
    (file,) = json.loads(out)["files"]
    assert code == 1
    assert [one["request"] for one in file["responses"]] == [True, True]
    assert [(one["code"], one["line"]) for one in file["findings"]] == [("TW103", 2)]


def test_standard_input_is_a_file(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO((SAMPLES / "body-leaked-hermes.json").read_bytes())))
    code, out, _ = told(capsys, "-")
    assert code == 1
    assert "TW201" in out


PIECES = (b"data: ", b"\n", b"{", b'"', b"HTTP/1.1 200\n\n", b"```\n", b"> ", b"< ", b"[DONE]", b"\xff", b"\xff\xfe")


def test_nothing_in_a_file_is_too_odd_to_be_read() -> None:
    chance = random.Random(1)
    every = [path.read_bytes() for path in sorted(SAMPLES.iterdir())]
    every += [b"authorization: Bearer secret\x8btoken-123\n" + data for data in every[:4]]
    for _ in range(400):
        data = bytearray(chance.choice(every))
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(len(data) + 1)
            data[at : at + chance.randrange(40)] = chance.choice((b"", *PIECES, chance.choice(every)[:200]))
        held = formats.read(bytes(data))
        assert len(held.places) == len(held.exchanges)
        rules.check(held.exchanges)


def test_every_file_that_cannot_be_judged_is_one_line_in_one_form(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a").write_text("nothing")
    (tmp_path / "b").write_text("nothing either")
    code, _, err = told(capsys, str(tmp_path / "a"), str(tmp_path / "b"))
    assert code == 4
    assert [line.partition(":")[0] for line in err.splitlines()] == ["error", "error"]
