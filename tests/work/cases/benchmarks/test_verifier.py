"""Vendor verifiers' files and rates, against figures they publish and against their definitions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from toolworthy.base.errors import ToolworthyError
from toolworthy.records.case import Outcome
from toolworthy.records.score import Count
from toolworthy.wire.ir import Failure, Response, Text, Thinking, ToolCall
from toolworthy.work.cases.benchmarks import verifier
from toolworthy.work.cases.benchmarks.verifier import Trigger

SCHEMA = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {"city": {"type": "string"}, "url": {"type": "string", "format": "uri"}},
    "required": ["city"],
}
TOOLS = [
    {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}},
    {"type": "function", "function": {"name": "bare"}},
    {"type": "function", "function": {"name": "broken", "parameters": {"type": "float"}}},
]


def request(**more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "Weather in Rome?"}], "tools": TOOLS, "temperature": 0.6, **more}


def result(index: int, finish: str | None, *calls: tuple[str, str], **message: Any) -> dict[str, Any]:
    made = [{"id": "c", "type": "function", "function": {"name": name, "arguments": text}} for name, text in calls]
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "tool_calls": made, **message}}
    line = {"data_index": index, "request": request(), "response": {"choices": [choice]}, "finish_reason": finish}
    return {**line, "status": "success"}


FAILED = {"request": request(), "response": {"error": "504"}, "finish_reason": None, "status": "failed"}
ROME = ("weather", '{"city": "Rome"}')


def write(path: Path, *lines: dict[str, Any]) -> Path:
    path.write_text("\n".join(json.dumps(line) for line in lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("counts", "precision", "recall", "f1"),
    [
        # MiniMax's comparison of two runs of its own MiniMax-M2.7 (comparison_report.json, 2026-04-01)
        ((85, 0, 2, 14), 1.0, 0.9770114942528736, 0.9883720930232558),
        ((83, 1, 0, 17), 0.9880952380952381, 1.0, 0.9940119760479043),
        ((84, 1, 2, 14), 0.9882352941176471, 0.9767441860465116, 0.9824561403508771),
        ((84, 2, 0, 15), 0.9767441860465116, 1.0, 0.988235294117647),
        ((0, 0, 0, 5), None, None, None),
        ((0, 2, 3, 5), 0.0, 0.0, 0.0),
    ],
)
def test_trigger(
    counts: tuple[int, int, int, int], precision: float | None, recall: float | None, f1: float | None
) -> None:
    trigger = Trigger(*counts)
    assert (trigger.precision, trigger.recall) == (precision, recall)
    assert trigger.f1 == (f1 if f1 is None else pytest.approx(f1, abs=1e-15))
    assert trigger.n == sum(counts)


@pytest.mark.parametrize(
    ("fits", "name", "arguments"),
    [
        (True, "weather", '{"city": "Rome"}'),
        (True, "weather", '{"city": "Rome", "url": "no address"}'),  # they look at no formats
        (False, "weather", '{"town": "Rome"}'),
        (False, "weather", '{"city": "Rome"'),
        (False, "weather", ""),
        (False, "weather", "[]"),
        (False, "wether", '{"city": "Rome"}'),
        (False, "bare", "{}"),  # to them, a tool without a schema cannot be called rightly
        (False, "broken", "{}"),
    ],
)
def test_a_call_fits(fits: bool, name: str, arguments: str) -> None:
    assert verifier.fits(TOOLS, name, arguments) is fits


def test_a_run_against_its_reference(tmp_path: Path) -> None:
    samples = write(tmp_path / "samples.jsonl", *(request() for _ in range(6)))
    official = [
        result(1, "tool_calls", ROME),
        result(2, "tool_calls", ROME, ROME),
        result(3, "stop", content="It rains."),
        result(4, "stop", content="It rains."),
        result(5, "tool_calls", ROME),
        result(6, "tool_calls", ROME),
    ]
    write(tmp_path / "official_results.jsonl", *official)
    vendor = [
        result(1, "tool_calls", ROME, ("weather", "{}")),
        result(2, "stop", content="It rains."),
        result(3, "tool_calls", ROME),
        result(4, "stop", reasoning_content="Hm."),
        {"data_index": 5, **FAILED},
        result(6, "tool_calls", ROME),
    ]
    results = verifier.outcomes(write(tmp_path / "vendor.jsonl", *vendor))
    metrics = verifier.measure(verifier.load(samples), results)
    assert metrics.trigger == Trigger(tp=2, fp=1, fn=2, tn=1)
    assert metrics.answered == Count(ok=5, n=6)
    assert metrics.finish == {"tool_calls": 3, "stop": 2}
    assert metrics.schema == metrics.schema_due == Count(ok=2, n=3)
    assert metrics.calls == Count(ok=3, n=4)
    assert metrics.only_reasoning == Count(ok=1, n=6)
    assert metrics.similarity == pytest.approx((3 * 2 + 1 * 1) / (10**0.5 * 5**0.5))
    assert metrics.due is None


def test_only_what_was_asked_counts(tmp_path: Path) -> None:
    cases = verifier.load(write(tmp_path / "samples.jsonl", request(), request(), request()))
    metrics = verifier.measure(cases, {2: Outcome("stop", text=True)})
    assert (metrics.answered, metrics.schema, metrics.trigger) == (Count(ok=1, n=1), Count(), None)


def test_labels(tmp_path: Path) -> None:
    labels = (True, True, False, False, None)
    lines = [request(expected_tool_call=label, check_type=["tool_calls"]) for label in labels]
    cases = verifier.load(write(tmp_path / "sample.jsonl", *lines))
    assert [case.due for case in cases] == list(labels)
    assert set(cases[0].body) == {"messages", "tools", "temperature"}
    results = {
        1: Outcome("tool_calls", (ROME,)),
        2: Outcome("length"),
        3: Outcome("tool_calls", (("weather", "{}"),)),
        4: Outcome("stop"),
        5: Outcome("stop"),
    }
    metrics = verifier.measure(cases, results)
    assert metrics.due == Count(ok=2, n=4)
    assert (metrics.schema, metrics.schema_due) == (Count(ok=1, n=2), Count(ok=1, n=1))


def test_the_reference_agrees_with_itself_only_so_far() -> None:
    call, stop = Outcome("tool_calls", (ROME,)), Outcome("stop")
    assert verifier.agreement({1: call, 2: call, 3: stop}, {1: call, 2: stop, 4: call}) == Trigger(tp=1, fn=1)


def test_requests_are_read_as_they_are_sent(tmp_path: Path) -> None:
    line = request()
    line["messages"].insert(0, {"role": "_input", "content": "Be brief."})
    answered = {**line, "response": result(1, "tool_calls", ROME)["response"]}
    plain, own = verifier.load(write(tmp_path / "samples.jsonl", line, answered))
    sent = plain.request("kimi")
    assert (sent.model, sent.temperature, [message.role for message in sent.messages]) == (
        "kimi",
        0.6,
        ["system", "user"],
    )
    assert plain.reference is None
    assert own.reference == Outcome("tool_calls", (ROME,))
    assert set(own.body) == set(line)


def test_a_result_file_is_its_own_reference_and_the_last_line_of_a_request_counts(tmp_path: Path) -> None:
    path = write(tmp_path / "a_results.jsonl", result(1, "stop"), result(2, "tool_calls", ROME))
    assert [case.reference and case.reference.called for case in verifier.load(path)] == [False, True]
    again = write(tmp_path / "again.jsonl", {"data_index": 1, **FAILED}, result(1, "tool_calls", ROME))
    assert verifier.outcomes(again) == {1: Outcome("tool_calls", (ROME,))}


def test_of_several_references_none_is_taken_unasked(tmp_path: Path) -> None:
    samples = write(tmp_path / "samples.jsonl", request())
    first = write(tmp_path / "first_results.jsonl", result(1, "stop"))
    write(tmp_path / "second_results.jsonl", result(1, "tool_calls", ROME))
    assert verifier.load(samples)[0].reference is None
    assert verifier.load(samples, first)[0].reference == Outcome("stop")


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    for text, said in (
        ("", "empty"),
        ("nonsense", "line 1 is not JSON"),
        ("[]", "not a JSON object"),
        ("{}", "has no messages"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
    ):
        path.write_text(text)
        with pytest.raises(ToolworthyError, match=said):
            verifier.load(path)
    with pytest.raises(ToolworthyError, match="cannot read"):
        verifier.load(tmp_path / "nowhere.jsonl")
    write(path, request())
    with pytest.raises(ToolworthyError, match="no result for any"):
        verifier.load(path, write(tmp_path / "other.jsonl", result(7, "stop")))


def test_answers_of_any_api() -> None:
    call = ToolCall("c", *ROME)
    assert verifier.of_response(Response(parts=(call,), stop="tool", raw_stop="tool_use")) == Outcome(
        "tool_calls", (ROME,)
    )
    assert verifier.of_response(Response(parts=(Text("Hi"),), stop="end")) == Outcome("stop", text=True)
    assert verifier.of_response(Response(parts=(Thinking("Hm", "reasoning"),), stop="length", raw_stop="length")) == (
        Outcome("length", reasoning=True)
    )
    for broken in (None, Response(stop="tool", complete=False), Response(failure=Failure("no")), Response()):
        assert verifier.of_response(broken).finish is None
