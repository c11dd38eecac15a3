"""BFCL's items as its handler sends them, and its verdicts as its own checker gave them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from toolworthy.base.errors import ToolworthyError
from toolworthy.wire.chat.request import render_request
from toolworthy.work.cases.benchmarks import _literals as literals
from toolworthy.work.cases.benchmarks import bfcl

DATA = Path(__file__).parent / "data" / "bfcl"
ITEMS = {item.id: item for item in bfcl.load(DATA)}
ANSWERS = [json.loads(line) for line in (DATA / "answers.jsonl").read_text(encoding="utf-8").splitlines()]


def test_every_category_that_needs_no_back_end_is_read() -> None:
    assert {item.category for item in ITEMS.values()} == bfcl.CATEGORIES
    assert bfcl.left_out(DATA) == ""
    for item in ITEMS.values():
        assert item.messages
        assert bool(item.truth) is (item.expects == "these calls")


@pytest.mark.parametrize("how", sorted({answer["how"] for answer in ANSWERS}))
def test_verdicts_are_those_of_their_own_checker(how: str) -> None:
    """`accepted` was written down from bfcl_eval's own code; playback is what its possible answers say themselves."""
    for answer in ANSWERS:
        if answer["how"] != how:
            continue
        verdict = bfcl.judge(ITEMS[answer["id"]], answer["calls"])
        assert verdict.accepted is answer["accepted"], (answer, verdict)
        assert verdict.accepted is (verdict.kind is None)
        assert verdict.accepted or how != "playback"


def sample(**given: Any) -> tuple[str, str]:
    return "f_g", json.dumps(given)


def item(category: str = "simple_python", calls: int = 1) -> bfcl.Item:
    """One tool with a parameter of each kind."""
    types: dict[str, Any] = {
        "text": {"type": "string", "description": "t"},
        "number": {"type": "float", "description": "n"},
        "count": {"type": "integer"},
        "names": {"type": "array", "items": {"type": "string"}},
        "box": {"type": "dict", "properties": {"colour": {"type": "any"}}},
        "rows": {"type": "array", "items": {"type": "dict"}},
    }
    function = {"name": "f.g", "description": "d", "parameters": {"type": "dict", "properties": types, "required": []}}
    accepted = {
        "text": ["New York, NY", "NYC"],
        "number": [2.0, 3.5, ""],
        "count": [5, "five", ""],
        "names": [["Ann", "Bo"], ""],
        "box": [{"colour": ["red", "blue"], "size": [1, ""]}, ""],
        "rows": [[{"a": [1]}, {"b": ["x"]}], ""],
    }
    truth = tuple({"f.g": {**accepted, "count": [n + 5, "five", ""]}} for n in range(calls))
    tools = (bfcl._tool(function, "python"),)
    return bfcl.Item("x_0", category, (), tools, (function,), truth)


@pytest.mark.parametrize(
    "given",
    [
        {"text": "new york ny"},
        {"text": "N.Y.C"},
        {"text": "NYC", "number": 2},
        {"text": "NYC", "number": 3.5, "count": 5},
        {"text": "NYC", "names": ["ann", "B-o"]},
        {"text": "NYC", "names": []},  # "" accepts an empty list too
        {"text": "NYC", "box": {"colour": "Blue"}},
        {"text": "NYC", "box": {"colour": "red", "size": 1}},
        {"text": "NYC", "rows": [{"a": 1}, {"b": "X"}]},
    ],
)
def test_accepted(given: dict[str, Any]) -> None:
    assert bfcl.judge(item(), [sample(**given)]) == bfcl.BfclVerdict(True)


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("missing argument", {}),
        ("wrong argument", {"text": "Boston"}),
        ("wrong type", {"text": ["NYC"]}),
        ("wrong argument", {"text": "NYC", "number": 4}),
        ("wrong type", {"text": "NYC", "number": "2.0"}),
        ("wrong type", {"text": "NYC", "count": 5.0}),
        ("wrong type", {"text": "NYC", "count": True}),
        ("wrong argument", {"text": "NYC", "names": ["Bo", "Ann"]}),
        ("wrong argument", {"text": "NYC", "names": [1]}),  # "" lets any list pass for its type
        ("extra argument", {"text": "NYC", "other": 1}),
        ("extra argument", {"text": "NYC", "box": {"colour": "red", "weight": 1}}),
        ("missing argument", {"text": "NYC", "box": {}}),
        ("wrong argument", {"text": "NYC", "box": {"colour": "green"}}),
        ("wrong argument", {"text": "NYC", "rows": [{"a": 1}]}),
    ],
)
def test_refused(kind: str, given: dict[str, Any]) -> None:
    verdict = bfcl.judge(item(), [sample(**given)])
    assert (verdict.accepted, verdict.kind) == (False, kind), verdict
    assert verdict.detail


@pytest.mark.parametrize(
    ("kind", "calls"),
    [
        ("no call", []),
        ("wrong tool", [("f.g", '{"text": "NYC"}')]),  # with a dot, where an underscore was offered
        ("malformed call", [("f_g", '{"text": "NYC"')]),
        ("malformed call", [("f_g", "[]")]),
        ("extra call", [sample(text="NYC"), sample(text="NYC")]),
    ],
)
def test_calls_refused(kind: str, calls: list[tuple[str, str]]) -> None:
    verdict = bfcl.judge(item(), calls, "I would rather talk.")
    assert (verdict.accepted, verdict.kind) == (False, kind)
    assert kind != "no call" or "rather talk" in verdict.detail


def test_parallel_calls_come_in_any_order_and_none_counts_twice() -> None:
    two = item("parallel", calls=2)
    first, second = sample(text="NYC", count=5), sample(text="NYC", count=6)
    assert bfcl.judge(two, [second, first]).accepted
    assert bfcl.judge(two, [first, first]).kind == "wrong argument"
    assert bfcl.judge(two, [first]).kind == "missing call"
    assert bfcl.judge(two, [first, ("h", "{}")]).kind == "wrong tool"


def test_where_no_call_is_due_and_where_any_will_do() -> None:
    assert bfcl.judge(item("irrelevance"), []).accepted
    assert bfcl.judge(item("irrelevance"), [("f_g", "{")]).accepted  # BFCL drops what it cannot read
    assert bfcl.judge(item("live_irrelevance"), [("f_g", {})]).kind == "call where none is due"
    assert bfcl.judge(item("live_relevance"), [("anything", {"at": "all"})]).accepted
    assert bfcl.judge(item("live_relevance"), []).kind == "no call"


def test_tools_are_sent_as_their_handler_sends_them() -> None:
    (tool,) = item().tools
    assert (tool.name, tool.description) == ("f_g", "d Note that the provided function is in Python 3 syntax.")
    assert tool.parameters == {
        "type": "object",
        "properties": {
            "text": {"type": "string", "description": "t"},
            "number": {"type": "number", "format": "float", "description": "n This is a float type value."},
            "count": {"type": "integer"},
            "names": {"type": "array", "items": {"type": "string"}},
            "box": {"type": "object", "properties": {"colour": {"type": "string"}}},
            "rows": {"type": "array", "items": {"type": "object"}},
        },
        "required": [],
    }


def test_other_languages_ask_for_source_text() -> None:
    for entry in ITEMS.values():
        if entry.category in ("simple_java", "simple_javascript"):
            body = render_request(entry.request("m")).body
            (tool,) = body["tools"]
            kinds = {declared["type"] for declared in tool["function"]["parameters"]["properties"].values()}
            assert kinds == {"string"}
            assert body["temperature"] == bfcl.TEMPERATURE


@pytest.mark.parametrize(
    ("text", "kind", "inner", "value"),
    [
        ("5L", "long", "any", 5),
        ("5", "long", "any", "5"),
        ("2.5f", "float", "any", 2.5),
        ("1e3", "double", "any", 1000.0),
        ("true", "boolean", "any", True),
        ("new int[]{1, 2}", "Array", "integer", [1, 2]),
        ('new ArrayList<String>(Arrays.asList("a", "b"))', "ArrayList", "String", ["a", "b"]),
        ("new ArrayList<Integer>() {{ add(1); add(2); }}", "ArrayList", "integer", [1, 2]),
        ("new ArrayList<>()", "ArrayList", "any", []),
        ('new HashMap<String, Object>() {{ put("a", 1); put("b", "x"); }}', "HashMap", "any", {"a": 1, "b": "x"}),
        ("new HashMap<>()", "HashMap", "any", {}),
        ("[1, 2]", "Array", "integer", "[1, 2]"),
    ],
)
def test_java(text: str, kind: str, inner: str, value: Any) -> None:
    assert literals.java(text, kind, inner) == value


@pytest.mark.parametrize(
    ("text", "kind", "inner", "value"),
    [
        ("'a'", "String", "any", "a"),
        ("4n", "Bigint", "any", 4),
        ("[1, 2.5]", "array", "float", [1.0, 2.5]),
        ("new Array('a', \"b\")", "array", "String", ["a", "b"]),
        ("[[1, 2], [3]]", "array", "array", [[1, 2], [3]]),
        ("{'a': 1, 'b': [true, 'x'], 'c': y}", "dict", "any", {"a": 1, "b": [True, "x"], "c": "y"}),
        ("{}", "dict", "any", {}),
        ("f()", "array", "any", "f()"),
    ],
)
def test_javascript(text: str, kind: str, inner: str, value: Any) -> None:
    assert literals.javascript(text, kind, inner) == value


def test_one_file_and_the_names_of_version_3(tmp_path: Path) -> None:
    (tmp_path / "possible_answer").mkdir()
    for folder in ("", "possible_answer/"):
        shutil.copy(DATA / f"{folder}BFCL_v4_simple_python.json", tmp_path / f"{folder}BFCL_v3_simple.json")
    assert {entry.category for entry in bfcl.load(tmp_path / "BFCL_v3_simple.json")} == {"simple_python"}
    (tmp_path / "BFCL_v3_multi_turn_base.json").write_text("{}")
    assert bfcl.load(tmp_path)
    assert "multi_turn_base" in bfcl.left_out(tmp_path)


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(ToolworthyError, match="no such file"):
        bfcl.load(tmp_path / "nowhere")
    with pytest.raises(ToolworthyError, match="no file of the Berkeley"):
        bfcl.load(tmp_path)
    other = tmp_path / "BFCL_v4_memory.json"
    other.write_text("{}")
    with pytest.raises(ToolworthyError, match="left out: memory"):
        bfcl.load(other)
    lone = tmp_path / "BFCL_v4_multiple.json"
    shutil.copy(DATA / lone.name, lone)
    with pytest.raises(ToolworthyError, match="accepted answers are missing"):
        bfcl.load(lone)
    broken = tmp_path / "BFCL_v4_irrelevance.json"
    for text, said in (
        ("nonsense", "line 1 is not JSON"),
        ("{}", "has no id"),
        ('{"id": "i_0"}', "not as BFCL writes"),
    ):
        broken.write_text(text)
        with pytest.raises(ToolworthyError, match=said):
            bfcl.load(broken)


def test_counts_by_category() -> None:
    right, wrong = bfcl.BfclVerdict(True), bfcl.BfclVerdict(False, "no call")
    counts = bfcl.tally([(item(), right), (item(), wrong), (item("parallel"), right)])
    assert {name: (count.ok, count.n) for name, count in counts.items()} == {
        "simple_python": (1, 2),
        "parallel": (1, 1),
    }


def test_a_single_function_is_meant_whatever_the_answers_call_it(tmp_path: Path) -> None:
    """Version 3 has such an item (javascript_41); where one of several is due, the name must be there."""
    function = {"name": "f", "description": "d", "parameters": {"type": "dict", "properties": {}, "required": []}}
    (tmp_path / "possible_answer").mkdir()
    for name in ("simple", "multiple"):
        line = {"id": f"{name}_0", "question": [[{"role": "user", "content": "q"}]], "function": [function]}
        (tmp_path / f"BFCL_v3_{name}.json").write_text(json.dumps(line))
        truth = {"id": f"{name}_0", "ground_truth": [{"g": {}}]}
        (tmp_path / "possible_answer" / f"BFCL_v3_{name}.json").write_text(json.dumps(truth))
    (only,) = bfcl.load(tmp_path / "BFCL_v3_simple.json")
    assert bfcl.judge(only, [("f", "{}")]).accepted
    with pytest.raises(ToolworthyError, match="name no function"):
        bfcl.load(tmp_path / "BFCL_v3_multiple.json")


@pytest.mark.parametrize("item", [pytest.param(item, id=item.id) for item in bfcl.load(DATA)])
def test_its_own_answers_are_accepted(item: bfcl.Item) -> None:
    assert bfcl.judge(item, bfcl.reference(item)).accepted
