"""A trial as its readers see it."""

from __future__ import annotations

import json
from typing import Any

from toolworthy.exchange import Chunk, Exchange
from toolworthy.report.timeline import timeline


def exchange(index: int, messages: list[dict[str, Any]], answer: dict[str, Any]) -> Exchange:
    asked = json.dumps({"model": "m", "messages": messages}).encode()
    body = json.dumps({"choices": [{"index": 0, "message": answer, "finish_reason": "stop"}]}).encode()
    return Exchange(
        "t",
        index,
        "completion",
        "chat",
        "chat",
        "POST",
        "/x",
        {},
        asked,
        None,
        (),
        200,
        {},
        (Chunk(0.1, body),),
        0.0,
        1.0,
    )


def trial(ids: list[str | None], answered: list[tuple[str, str]]) -> list[Exchange]:
    """Two requests: calls with these ids, then results with ids of the agent's."""
    function = {"name": "run", "arguments": "{}"}
    calls = [{"id": one, "type": "function", "function": function} for one in ids]
    asked: list[dict[str, Any]] = [{"role": "user", "content": "do it"}]
    back = [{"role": "tool", "tool_call_id": name, "content": text} for name, text in answered]
    second = [*asked, {"role": "assistant", "content": "", "tool_calls": calls}, *back]
    first = {"role": "assistant", "content": "", "tool_calls": calls}
    return [exchange(0, asked, first), exchange(1, second, {"role": "assistant", "content": "done"})]


def test_results_are_found_by_their_ids_in_any_order() -> None:
    first, _ = timeline(trial(["a", "b"], [("b", "two"), ("a", "one")]), ())
    assert [call.result for call in first.calls] == ["one", "two"]


def test_results_of_calls_without_ids_are_found_by_place() -> None:
    first, _ = timeline(trial([None, None], [("made-up-1", "one"), ("made-up-2", "two")]), ())
    assert [call.result for call in first.calls] == ["one", "two"]


def test_where_places_do_not_tell_nothing_is_said() -> None:
    first, _ = timeline(trial([None, None], [("made-up-1", "one")]), ())
    assert [call.result for call in first.calls] == [None, None]
