"""A trial as its readers see it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from tests.support.examples import chat
from toolworthy.content import adapters
from toolworthy.output.exports.timeline import timeline
from toolworthy.records.exchange import Exchange
from toolworthy.work.scoring.calls import judge_calls


def trial(ids: list[str | None], answered: list[tuple[str, str]]) -> list[Exchange]:
    """Two requests: calls with these ids, then results with ids of the agent's."""
    function = {"name": "run", "arguments": "{}"}
    calls = [{"id": one, "type": "function", "function": function} for one in ids]
    asked: list[dict[str, Any]] = [{"role": "user", "content": "do it"}]
    back = [{"role": "tool", "tool_call_id": name, "content": text} for name, text in answered]
    second = [*asked, {"role": "assistant", "content": "", "tool_calls": calls}, *back]
    return [chat(asked, {"content": "", "tool_calls": calls}), chat(second, {"content": "done"}, index=1)]


def test_results_are_found_by_their_ids_in_any_order() -> None:
    first, _ = timeline(trial(["a", "b"], [("b", "two"), ("a", "one")]), ())
    assert [call.result for call in first.calls] == ["one", "two"]


def test_results_of_calls_without_ids_are_found_by_place() -> None:
    first, _ = timeline(trial([None, None], [("made-up-1", "one"), ("made-up-2", "two")]), ())
    assert [call.result for call in first.calls] == ["one", "two"]


def test_where_places_do_not_tell_nothing_is_said() -> None:
    first, _ = timeline(trial([None, None], [("made-up-1", "one")]), ())
    assert [call.result for call in first.calls] == [None, None]


def test_scores_count_results_that_were_found_by_place() -> None:
    exchanges = trial([None, None], [("made-up-1", "one"), ("made-up-2", "two")])
    judged = judge_calls(exchanges, adapters.agent("codex"))
    assert [(call.executed, call.result) for call in judged] == [(True, "one"), (True, "two")]


def test_what_a_title_was_asked_of_is_new_to_the_task_all_the_same() -> None:
    first, second = trial(["a"], [("a", "one")])
    title = replace(
        first, request_body=json.dumps({"model": "m", "messages": [{"role": "user", "content": "do it"}]}).encode()
    )
    turns = timeline([title, first, second], ())
    assert [turn.asked for turn in turns] == [(("user", "do it"),), (("user", "do it"),), ()]
