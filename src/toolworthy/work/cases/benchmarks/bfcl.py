"""The Berkeley Function Calling Leaderboard: read its files, and judge answers as its own checker does.

    items = bfcl.load(Path("bfcl_eval/data"))
    verdict = bfcl.judge(items[0], [("calculate_triangle_area", '{"base": 10, "height": 5}')])

Source of every rule: ``bfcl_eval`` 2026.3.23 (``ast_checker.py``, ``eval_runner.py``, ``utils.py``, and the handler for
OpenAI's Chat Completions with native function calling). Its data, of versions 3 and 4, are one JSON object a line:
``{"id", "question": [[message, …]], "function": […]}``, with the accepted answers in a file of the same name in the
folder ``possible_answer`` next to it. Only single answers are judged; several turns, memory, web search and
executed calls need BFCL's own Python back ends, and are left out (:func:`left_out`).
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from toolworthy.base.errors import ToolworthyError
from toolworthy.base.loading import read_json_lines
from toolworthy.content.toolset import sample
from toolworthy.records.case import MissKind
from toolworthy.records.score import Count
from toolworthy.wire.chat.request import parse_request
from toolworthy.wire.ir import Message, Request, Tool
from toolworthy.work.cases.benchmarks._values import FACTS, LISTS, TYPES, Fault, Language, fault

TEMPERATURE = 0.001
"""BFCL's default temperature."""

_ANSWERED, _NO_CALL, _SOME_CALL = (
    frozenset(FACTS["categories"][name]) for name in ("answered", "no_call", "some_call")
)
CATEGORIES = _ANSWERED | _NO_CALL | _SOME_CALL
"""All categories that can be judged here."""
_FILE = re.compile(r"(?:BFCL_v\d+_)?(?P<category>\w+)\.jsonl?")
_OPENAPI = {word: kind for kind, words in FACTS["schema"].items() for word in words}
"""The types of JSON Schema for BFCL's types; all others are strings."""


@dataclass(frozen=True, slots=True)
class Item:
    """One question of the leaderboard."""

    id: str
    category: str
    """Its name in version 4."""
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...]
    """As BFCL's handler for Chat Completions sends them."""
    functions: tuple[Mapping[str, Any], ...]
    """BFCL's own declarations, which its checker uses."""
    truth: tuple[Mapping[str, Mapping[str, Sequence[Any]]], ...] = ()
    """For each expected call: the function's name, and the accepted values of each argument."""

    @property
    def expects(self) -> Literal["these calls", "a call", "no call"]:
        """A right answer in words."""
        if self.category in _NO_CALL:
            return "no call"
        return "a call" if self.category in _SOME_CALL else "these calls"

    def request(self, model: str, stream: bool = False) -> Request:
        """The request that BFCL would send."""
        return Request(model, self.messages, self.tools, temperature=TEMPERATURE, stream=stream)


@dataclass(frozen=True, slots=True)
class BfclVerdict:
    """Whether BFCL accepts an answer, and if not, what is wrong with it."""

    accepted: bool
    kind: MissKind | None = None
    detail: str = ""


# ---- reference answers -----------------------------------------------------------------------------------------------


def reference(item: Item) -> tuple[tuple[str, str], ...]:
    """Accepted calls, with the first accepted value of every argument. Empty if no call is expected."""
    if item.expects == "a call":
        tool = item.tools[0]
        return ((tool.name, json.dumps(sample(tool.parameters or {}))),)
    language = _language(item.category)
    calls = []
    for call in item.truth:
        for name, accepted in call.items():
            arguments = {key: _first(values) for key, values in accepted.items() if _first(values) != ""}
            if language != "python":
                declared = item.functions[0]["parameters"]["properties"]
                arguments = {key: _source(value, language, declared[key]) for key, value in arguments.items()}
            calls.append((_sent_name(name), json.dumps(arguments, ensure_ascii=False)))
    return tuple(calls)


def _source(value: Any, language: Language, declared: Mapping[str, Any]) -> str:
    """A value as source code, which the tools of the other languages expect."""
    if isinstance(value, str):
        return value
    text = json.dumps(value, ensure_ascii=False)
    if language == "javascript":
        return text
    if isinstance(value, list):
        kind = "String" if all(isinstance(part, str) for part in value) else "Integer"
        inner = ", ".join(
            _source(json.dumps(v) if isinstance(v, str) else v, language, declared["items"]) for v in value
        )
        return f"new ArrayList<{kind}>(Arrays.asList({inner}))"
    if isinstance(value, dict):
        puts = " ".join(f'put("{key}", {json.dumps(inner, ensure_ascii=False)});' for key, inner in value.items())
        return f"new HashMap<String, Object>() {{{{ {puts} }}}}"
    return text + {"long": "L", "float": "f"}.get(declared["type"], "")


def _first(values: Any, depth: int = 0) -> Any:
    """The first accepted value that is not "left out". Objects contain accepted values, one level deep."""
    if not isinstance(values, list) or depth > 1:
        return values
    value = next((value for value in values if value != ""), "")
    if isinstance(value, dict):
        inside = {key: _first(inner, depth + 1) for key, inner in value.items()}
        return {key: inner for key, inner in inside.items() if inner != ""}
    if isinstance(value, list):
        return [_first([inner], depth) if isinstance(inner, dict) else inner for inner in value]
    return value


# ---- reading ---------------------------------------------------------------------------------------------------------


def load(path: Path) -> tuple[Item, ...]:
    """All items of a file, or of all files of a folder, that can be judged here.

    Raises:
        ToolworthyError: there are none, or a file does not have BFCL's format.
    """
    items = [item for file in _files(path) if _category(file) in CATEGORIES for item in _read_items(file)]
    if not items:
        raise ToolworthyError(
            f"{path}: {left_out(path) or 'no file of the Berkeley Function Calling Leaderboard there'}"
        )
    return tuple(items)


def left_out(path: Path) -> str:
    """One sentence on the files that `load` skips; "" if there are none."""
    names = sorted(name for file in _files(path) if (name := _category(file)) not in CATEGORIES)
    if not names:
        return ""
    return f"left out: {', '.join(names)}, which cannot be judged without BFCL's own Python back ends"


def tally(judged: Iterable[tuple[Item, BfclVerdict]]) -> dict[str, Count]:
    """Accepted answers by category. BFCL then takes means over the categories (unweighted, except in its live half)."""
    counts: dict[str, Count] = {}
    for item, verdict in judged:
        counts[item.category] = counts.get(item.category, Count()) + Count(ok=verdict.accepted, n=1)
    return counts


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise ToolworthyError(f"{path}: no such file or folder. Check the path.")
    return sorted(path.glob("BFCL_v*.json"))


def _category(file: Path) -> str:
    match = _FILE.fullmatch(file.name)
    name = match["category"] if match else file.stem
    return str(FACTS["renamed"].get(name, name))


def _read_items(file: Path) -> Iterator[Item]:
    category = _category(file)
    answers = file.parent / "possible_answer" / file.name
    if category in _ANSWERED and not answers.is_file():
        raise ToolworthyError(f"{file}: its accepted answers are missing. Put them into {answers}.")
    truths = {line["id"]: line["ground_truth"] for line in _lines(answers)} if category in _ANSWERED else {}
    for line in _lines(file):
        try:
            yield _item(line, category, truths.get(line["id"], ()))
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            raise ToolworthyError(f"{file}: item {line['id']} is not as BFCL writes them ({error!r})") from error


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    for number, line in read_json_lines(file):
        if not isinstance(line.get("id"), str):
            raise ToolworthyError(f"{file}: line {number} has no id. Give a file of BFCL's.")
        yield line


def _item(line: Mapping[str, Any], category: str, truth: Sequence[Mapping[str, Any]]) -> Item:
    functions, language = line["function"], _language(category)
    if category in _ANSWERED:
        _check(line["id"], category, functions, truth)
    return Item(
        id=line["id"],
        category=category,
        messages=parse_request({"messages": line["question"][0]}).messages,
        tools=tuple(_tool(function, language) for function in functions),
        functions=tuple(functions),
        truth=tuple(truth),
    )


def _check(name: str, category: str, functions: Sequence[Any], truth: Sequence[Any]) -> None:
    """Check that every expected call has a function, and every parameter a known type."""
    types = TYPES[_language(category)]
    known = {function["name"] for function in functions}
    named = "multiple" in category or "parallel" in category  # elsewhere, any name means the only function
    if not truth or (named and not all(key in known for call in truth for key in call)):
        raise ToolworthyError(f"{name}: its accepted answers name no function that it offers")
    for function in functions:
        for key, declared in function["parameters"]["properties"].items():
            words = [declared["type"], *([declared["items"]["type"]] if declared["type"] in LISTS else [])]
            if unknown := [word for word in words if word not in types]:
                raise ToolworthyError(
                    f"{name}: {function['name']} declares {key} as {unknown[0]}, which BFCL cannot judge"
                )


def _language(category: str) -> Language:
    return {"simple_java": "java", "simple_javascript": "javascript"}.get(category, "python")  # type: ignore[return-value]


# ---- tools of the request --------------------------------------------------------------------------------------------

_HINTS: dict[Language, str] = {
    "python": " Note that the provided function is in Python 3 syntax.",
    "java": " Note that the provided function is in Java 8 SDK syntax.",
    "javascript": " Note that the provided function is in JavaScript syntax.",
}


def _tool(function: Mapping[str, Any], language: Language) -> Tool:
    parameters = copy.deepcopy(function["parameters"])
    if language != "python":
        parameters["properties"] = {
            key: _as_text(declared, "Java" if language == "java" else "JavaScript")
            for key, declared in parameters["properties"].items()
        }
    schema = {**parameters, "type": "object", "properties": _properties(parameters["properties"])}
    return Tool(_sent_name(function["name"]), function["description"] + _HINTS[language], schema)


def _sent_name(name: str) -> str:
    """Chat Completions allows no dots in names, so BFCL sends underscores and expects them in calls."""
    return name.replace(".", "_")


def _as_text(declared: Mapping[str, Any], language: str) -> dict[str, Any]:
    """A parameter of another language, declared as a string of source code."""
    word, out = declared["type"], {**declared, "type": "string"}
    if word == "any":
        note = f" This parameter can be of any type of {language} object in string representation."
    else:
        note = f" This is {language} {word} type parameter in string representation."
    if word in LISTS:
        note += f" The list elements are of type {out.pop('items')['type']}; they are not in string representation."
    if word == "dict" and "properties" in out:
        entries = json.dumps(out.pop("properties"))
        note += f" The dictionary entries have the following schema; they are not in string representation. {entries}"
    return {**out, "description": declared.get("description", "") + note}


def _properties(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _schema(declared) for key, declared in properties.items()}


def _schema(declared: Mapping[str, Any]) -> dict[str, Any]:
    """One parameter in JSON Schema. Like BFCL, it supports nesting up to lists of lists and lists of dicts."""
    out = {**declared, "type": _OPENAPI.get(declared.get("type", ""), "string")}
    if declared.get("type") == "float":
        out |= {"format": "float", "description": declared.get("description", "") + " This is a float type value."}
    if out["type"] not in ("array", "object"):
        return out
    if "properties" in out:
        out["properties"] = _properties(out["properties"])
    elif "items" in out:
        items = out["items"] = {**out["items"], "type": _OPENAPI.get(out["items"]["type"], "string")}
        if items["type"] == "array" and "items" in items:
            items["items"] = {**items["items"], "type": _OPENAPI.get(items["items"]["type"], "string")}
        elif items["type"] == "object" and "properties" in items:
            items["properties"] = _properties(items["properties"])
    return out


# ---- judging ---------------------------------------------------------------------------------------------------------

Call = tuple[str, Mapping[str, Any]]


def judge(item: Item, calls: Sequence[tuple[str, Mapping[str, Any] | str]], text: str = "") -> BfclVerdict:
    """Whether BFCL accepts an answer.

    Args:
        item: what was asked.
        calls: the answer's calls, in order: name, and arguments as the endpoint sent them (or parsed).
        text: the answer's text; it is quoted if a call is missing, and never judged.
    """
    calls_read = [(name, arguments) for name, given in calls if (arguments := _arguments(given)) is not None]
    problem = _fault(item, calls_read, len(calls), text)
    return BfclVerdict(False, problem.kind, problem.detail) if problem else BfclVerdict(True)


def _arguments(given: Mapping[str, Any] | str) -> Mapping[str, Any] | None:
    if isinstance(given, Mapping):
        return given
    try:
        value = json.loads(given)
    except (TypeError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _fault(item: Item, read: Sequence[Call], sent: int, text: str) -> Fault | None:
    """If one call cannot be parsed, BFCL drops the whole answer and counts it as one without calls."""
    if item.expects == "no call":
        if not read or len(read) < sent:
            return None
        return Fault("call where none is due", f"{read[0][0]} was called, and no tool fits")
    if not sent:
        words = " ".join(text.split())
        return Fault("no call", f"it says: {words[:120]}" if words else "the answer holds no call")
    if len(read) < sent:
        return Fault("malformed call", "arguments that are no JSON object")
    if item.expects == "a call":
        return None
    if len(read) != len(item.truth):
        kind: MissKind = "missing call" if len(read) < len(item.truth) else "extra call"
        return Fault(kind, f"{len(read)} calls, where {len(item.truth)} are due")
    if "parallel" in item.category:
        return _parallel_fault(item, read)
    function = _function(item, item.truth[0]) if "multiple" in item.category else item.functions[0]
    return _call_fault(function, read[0], item.truth[0], _language(item.category))


def _function(item: Item, due: Mapping[str, Any]) -> Mapping[str, Any]:
    return next(function for function in item.functions if function["name"] in due)


def _parallel_fault(item: Item, read: Sequence[Call]) -> Fault | None:
    """Match calls in any order: each expected call takes the first remaining one that fits it."""
    unmatched = list(read)
    for due in item.truth:
        function, language = _function(item, due), _language(item.category)
        faults = [_call_fault(function, call, due, language) for call in unmatched]
        if None in faults:
            del unmatched[faults.index(None)]
            continue
        near = [problem for problem in faults if problem and problem.kind != "wrong tool"]
        return near[0] if near else faults[0]
    return None


def _call_fault(
    function: Mapping[str, Any], call: Call, due: Mapping[str, Mapping[str, Sequence[Any]]], language: Language
) -> Fault | None:
    name, arguments = call
    parameters, accepted = function["parameters"], next(iter(due.values()))
    if name != _sent_name(function["name"]):
        return Fault("wrong tool", f"{name} was called, where {_sent_name(function['name'])} is due")
    for key in parameters.get("required", ()):
        if key not in arguments:
            return Fault("missing argument", f"{key} is missing")
    for key, value in arguments.items():
        if key not in parameters["properties"] or key not in accepted:
            return Fault("extra argument", f"{key} is not asked for")
        if problem := fault(key, value, accepted[key], parameters["properties"][key], language):
            return problem
    for key, values in accepted.items():
        if key not in arguments and "" not in values:
            return Fault("missing argument", f"{key} is missing")
    return None
