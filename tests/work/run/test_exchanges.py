"""Exchanges are kept byte for byte, once each piece, and survive a crash."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.examples import recorded
from toolworthy.records.exchange import Chunk, Exchange, ExchangeFailure, FailureKind
from toolworthy.records.exchanges import _MAGIC, ExchangeRecord, ExchangeWriter, file_name, read_all, split


def exchange(index: int, body: bytes, data: bytes = b"{}") -> Exchange:
    return recorded(index=index, request_headers={"a": "b"}, request_body=body, chunks=(Chunk(0.5, data),), seconds=2.0)


def write(path: Path, *exchanges: Exchange) -> None:
    writer = ExchangeWriter(path)
    for one in exchanges:
        writer.append(one)
    writer.close()


def test_what_is_written_is_read(tmp_path: Path) -> None:
    odd = b'\xff\x00 {"messages": [1, "\xc3\xa4' + b"x" * 200
    made = [exchange(0, odd, b"\x80\x81"), exchange(1, b""), exchange(2, "ä".encode() * 99)]
    write(tmp_path / "a", *made)
    assert read_all(tmp_path / "a") == tuple(made)


@pytest.mark.parametrize("kind", get_args(FailureKind))
def test_why_there_is_no_answer_is_read_as_it_was_written(tmp_path: Path, kind: FailureKind) -> None:
    write(tmp_path / "a", replace(exchange(0, b"{}"), error=ExchangeFailure(kind, "{why}")))
    (found,) = read_all(tmp_path / "a")
    assert found.error == ExchangeFailure(kind, "{why}")
    assert len(str(found.error).splitlines()) == 1


@pytest.mark.parametrize(
    ("sentence", "failure"),
    [
        ("agent hung up", ExchangeFailure("agent gone")),
        ("the endpoint cannot be reached: [Errno 111]: no", ExchangeFailure("unreachable", "[Errno 111]: no")),
        ("the endpoint did not take the connection in time", ExchangeFailure("connect timeout")),
        ("the endpoint went silent and was given up", ExchangeFailure("silent")),
        ("given up at our own limit of 300 s", ExchangeFailure("our limit", "300 s")),
        ("the endpoint's answer is no HTTP: b'x'", ExchangeFailure("no HTTP", "b'x'")),
        ("the endpoint's answer had no end within 8 MiB", ExchangeFailure("endless", "8 MiB")),
        ("the endpoint broke the connection: peer", ExchangeFailure("broken off", "peer")),
        ("HTTP 999 is no status of an answer", ExchangeFailure("failed", "HTTP 999 is no status of an answer")),
    ],
)
def test_runs_that_told_it_in_a_sentence_are_still_read(sentence: str, failure: ExchangeFailure) -> None:
    plain: dict[str, Any] = {"request_body": [], "upstream_body": None, "chunks": [], "pieces": {}}
    told = ExchangeRecord.model_validate({**asdict(exchange(0, b"{}")), **plain, "error": sentence})
    assert told.error == failure


@given(st.text(max_size=300))
def test_pieces_joined_are_the_body(text: str) -> None:
    body = ('{"messages": [{"content": ' + json.dumps(text) + "}, 1, [2]], " + text).encode()
    assert b"".join(split(body)) == body


def test_a_conversation_costs_what_is_new(tmp_path: Path) -> None:
    """A hundred turns: each request repeats all before it, the file must not."""
    messages: list[dict[str, str]] = []
    sizes = []
    writer = ExchangeWriter(tmp_path / "a")
    for turn in range(100):
        messages.append({"role": "user", "content": f"turn {turn} " + json.dumps([hash((turn, i)) for i in range(60)])})
        writer.append(exchange(turn, json.dumps({"model": "m", "messages": messages}).encode()))
        sizes.append((tmp_path / "a").stat().st_size)
    writer.close()
    early, late = sizes[29] - sizes[9], sizes[99] - sizes[79]
    assert late < 2 * early
    assert len(read_all(tmp_path / "a")) == 100


def test_a_torn_record_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write(path, exchange(0, b"{}"), exchange(1, b"{}"))
    whole = path.read_bytes()
    path.write_bytes(whole[:-7])
    assert [one.index for one in read_all(path)] == [0]


def test_what_is_recorded_after_a_torn_record_is_read(tmp_path: Path) -> None:
    """But for what repeats a piece of it, which is told by that record alone."""
    path = tmp_path / "a"
    body = json.dumps({"messages": [{"role": "user", "content": "once " * 50}]}).encode()
    write(path, exchange(0, b"{}"), exchange(1, body))
    path.write_bytes(path.read_bytes()[:-7] + bytes(40))
    write(path, exchange(2, b"{}"), exchange(3, b"{}"))
    assert [one.index for one in read_all(path)] == [0, 2, 3]
    whole = tmp_path / "b"
    write(whole, exchange(0, body), exchange(1, body), exchange(2, b"{}"))
    first = (tmp_path / "b").read_bytes().find(_MAGIC, 4)
    whole.write_bytes(bytes(4) + whole.read_bytes()[first:])
    assert [one.index for one in read_all(whole)] == [2]


@pytest.mark.parametrize("clock", [200.0, 50.0], ids=["on", "back"])
def test_of_a_trial_that_was_begun_again_the_last_time_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: float
) -> None:
    """`--resume` is another process, which appends to the same file and counts from 0 again, whatever the clock says.

    What came second may be written first.
    """
    first = [replace(exchange(index, b"{}"), started=100.0 + index) for index in range(4)]
    again = [replace(exchange(index, b"{}"), started=clock + index) for index in (1, 0, 2)]
    for process, made in (("a", first), ("b", again)):
        monkeypatch.setattr("toolworthy.records.exchanges._PROCESS", process)
        write(tmp_path / "a", *made)
    assert [one.started for one in read_all(tmp_path / "a")] == [clock, clock + 1, clock + 2]


def test_a_replay_that_goes_on_counts_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for process, indices in (("a", (0, 1)), ("b", (2, 3))):
        monkeypatch.setattr("toolworthy.records.exchanges._PROCESS", process)
        write(tmp_path / "a", *(exchange(index, b"{}") for index in indices))
    assert [one.index for one in read_all(tmp_path / "a")] == [0, 1, 2, 3]


def test_what_came_second_may_have_been_sent_first(tmp_path: Path) -> None:
    made = [replace(exchange(index, b"{}"), started=100.0 - index / 10) for index in range(3)]
    write(tmp_path / "a", *made)
    assert len(read_all(tmp_path / "a")) == 3


def test_file_names_are_plain_and_unique() -> None:
    assert "/" not in file_name("tasks/a b/c#1")
    assert file_name("a/b") != file_name("a_b")
