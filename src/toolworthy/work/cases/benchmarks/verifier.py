"""Vendor verifiers: read their request and result files, and compute their rates as they define them.

    cases = verifier.load(Path("samples.jsonl"), Path("official_results.jsonl"))
    metrics = verifier.measure(cases, {case.index: verifier.of_response(answer(case)) for case in cases})
    floor = verifier.agreement(official, official_again)

A verifier sends a vendor the same chat requests as the model's maker, and compares. Definitions are those of Moonshot's
K2-Vendor-Verifier (README and ``validate_tool_call`` of 2025-11) and of MiniMax-Provider-Verifier (2026;
``validator/tool_calls.py`` and ``scripts/calculate_toolcall_similarity.py``). Each line of a request file is a chat
request; MiniMax adds ``expected_tool_call``. Each line of a result file is
``{"data_index", "request", "response", "status", …}``.

All of them share these properties: "a call was made" means the finish reason ``tool_calls``, not calls in the
answer; a missing answer counts as no call; and one sampled run proves little. Moonshot's API matches its own
earlier run with an F1 of 76 % (kimi-k2-thinking) and 84 % (kimi-k2-0905) on average, so an F1 is meaningful only
next to the :func:`agreement` of the reference with itself.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from toolworthy.base.errors import ToolworthyError
from toolworthy.base.loading import read_json_lines
from toolworthy.records.case import CALLED, Noted, Outcome
from toolworthy.records.score import Count
from toolworthy.wire.chat.request import parse_request
from toolworthy.wire.ir import Request, Response, Thinking
from toolworthy.wire.lenient import as_dict, as_list, as_str

_NO_PART_OF_A_REQUEST = frozenset(
    {
        *("data_index", "response", "status", "finish_reason", "hash", "last_run_at", "duration_ms", "provider"),
        *("expected_tool_call", "check_type", "tool_calls_valid"),
    }
)


@dataclass(frozen=True, slots=True)
class VerifierCase:
    """One request of a verifier's file."""

    index: int
    """Its ``data_index``; the number of its line, from 1."""
    body: Mapping[str, Any]
    due: bool | None = None
    """Whether a call is expected; None if the file does not say (only MiniMax's do)."""
    reference: Outcome | None = None
    """The reference's outcome."""

    def request(self, model: str) -> Request:
        """The request, for `model`."""
        return parse_request({**self.body, "model": model})


@dataclass(frozen=True, slots=True)
class Trigger:
    """Requests that led to a call, compared with the reference."""

    tp: int = 0
    fp: int = 0
    fn: int = 0
    tn: int = 0

    @property
    def n(self) -> int:
        """Requests compared."""
        return self.tp + self.fp + self.fn + self.tn

    @property
    def precision(self) -> float | None:
        """Share of the calls that the reference made, too; None if no call was made."""
        return _share(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float | None:
        """Share of the reference's calls that were made; None if it made none."""
        return _share(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float | None:
        """The verifiers' ``tool_call_f1``, the harmonic mean of both; None if neither side made a call."""
        return _share(2 * self.tp, 2 * self.tp + self.fp + self.fn)


@dataclass(frozen=True, slots=True)
class Metrics:
    """A verifier's figures, each with its counts."""

    answered: Count
    """Requests that led to an answer (MiniMax: Query-Success-Rate)."""
    finish: Mapping[str, int]
    """Answers by finish reason."""
    schema: Count
    """Answers in which every call fits its schema, of those that finish with ``tool_calls`` (``schema_accuracy``)."""
    schema_due: Count
    """The same without answers where no call was expected, as MiniMax counts."""
    calls: Count
    """Calls that fit, of all calls in such answers."""
    only_reasoning: Count
    """Answers that contain only reasoning (MiniMax: Error-Only-Reasoning), of all requests."""
    trigger: Trigger | None = None
    """Compared with the reference; None without one."""
    similarity: float | None = None
    """Cosine of both sides' distributions of calls per answer (MiniMax: Multi-ToolCalls-Trigger Similarity)."""
    due: Count | None = None
    """Requests that ended as the file expects, ``tool_calls`` or ``stop`` (MiniMax: ToolCalls-Match-Rate)."""


# ---- reading ---------------------------------------------------------------------------------------------------------


def load(path: Path, reference: Path | None = None) -> tuple[VerifierCase, ...]:
    """The requests of a file.

    Args:
        path: chat requests, one per line; or a result file, which is then its own reference.
        reference: result file of the reference; by default the only other ``*results.jsonl`` in the folder, if any.

    Raises:
        ToolworthyError: a file is missing, or does not have this format.
    """
    beside = [file for file in sorted(path.parent.glob("*results.jsonl")) if file != path]
    if reference is None and len(beside) == 1:
        reference = beside[0]
    known = outcomes(reference) if reference else {}
    cases = tuple(_case(_index(line, number), line, known) for number, line in read_json_lines(path))
    if not cases:
        raise ToolworthyError(f"{path}: the file is empty. It must hold a chat request on each line.")
    if reference and not any(case.reference for case in cases):
        raise ToolworthyError(f"{reference}: holds no result for any request of {path}")
    for case in cases:
        if not as_list(case.body.get("messages")):
            raise ToolworthyError(f"{path}: request {case.index} has no messages. Give a verifier's file.")
    return cases


def outcomes(path: Path) -> dict[int, Outcome]:
    """Read a result file: outcomes by index. If a request was repeated, its last line counts."""
    return {_index(line, number): of_line(line) for number, line in read_json_lines(path)}


def of_line(line: Mapping[str, Any]) -> Outcome:
    """The outcome in one line of a result file."""
    choice = as_dict(next(iter(as_list(as_dict(line.get("response")).get("choices"))), None))
    finish = as_str(choice.get("finish_reason")) or as_str(line.get("finish_reason"))
    message = as_dict(choice.get("message"))
    functions = [as_dict(as_dict(call).get("function")) for call in as_list(message.get("tool_calls"))]
    return Outcome(
        finish=finish if finish and line.get("status", "success") == "success" else None,
        calls=tuple((as_str(function.get("name")), _text(function.get("arguments"))) for function in functions),
        text=bool(message.get("content")),
        reasoning=bool(message.get("reasoning_content") or message.get("reasoning")),
    )


def of_response(response: Response | None) -> Outcome:
    """The outcome of a response of any API; None, and a response that failed or broke off, count as no answer."""
    if response is None or response.failure or not response.complete or response.stop is None:
        return Outcome(None)
    words = {"tool": CALLED, "end": "stop"}
    return Outcome(
        finish=words.get(response.stop) or response.raw_stop or response.stop,
        calls=tuple((call.name, call.arguments) for call in response.calls),
        text=bool(response.text),
        reasoning=any(isinstance(part, Thinking) for part in response.parts),
    )


def _index(line: Mapping[str, Any], number: int) -> int:
    """The index of a line: its ``data_index``, else its number."""
    index = line.get("data_index")
    return index if isinstance(index, int) else number


def _case(index: int, line: Mapping[str, Any], known: Mapping[int, Outcome]) -> VerifierCase:
    own = as_dict(line.get("request")) or {
        name: value for name, value in line.items() if name not in _NO_PART_OF_A_REQUEST
    }
    messages = [_message(message) for message in as_list(own.get("messages"))]
    due = line.get("expected_tool_call")
    reference = known.get(index)
    if reference is None and isinstance(line.get("response"), dict):
        reference = of_line(line)
    return VerifierCase(index, {**own, "messages": messages}, due if isinstance(due, bool) else None, reference)


def _message(message: Any) -> Any:
    """Moonshot's samples contain a role ``_input``, which its script sends as ``system``."""
    return {**message, "role": "system"} if as_dict(message).get("role") == "_input" else message


def _text(arguments: Any) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments)


# ---- measuring -------------------------------------------------------------------------------------------------------


def measure(cases: Iterable[VerifierCase], results: Mapping[int, Outcome]) -> Metrics:
    """The figures over all cases that have an outcome in `results` (by index)."""
    return figures(note(case, results[case.index]) for case in cases if case.index in results)


def note(case: VerifierCase, outcome: Outcome) -> Noted:
    """The data of one request and its outcome that the figures need."""
    tools = as_list(case.body.get("tools"))
    return Noted(case.index, outcome, tuple(fits(tools, *call) for call in outcome.calls), case.due, case.reference)


def figures(notes: Iterable[Noted]) -> Metrics:
    """The figures from these notes."""
    all_notes = list(notes)
    called = [noted for noted in all_notes if noted.outcome.called]
    compared = [(noted.reference, noted.outcome) for noted in all_notes if noted.reference]
    labelled = [n.outcome.finish == (CALLED if n.due else "stop") for n in all_notes if n.due is not None]
    return Metrics(
        answered=_count(noted.outcome.finish is not None for noted in all_notes),
        finish=dict(Counter(noted.outcome.finish for noted in all_notes if noted.outcome.finish is not None)),
        schema=_count(noted.valid for noted in called),
        schema_due=_count(noted.valid for noted in called if noted.due is not False),
        calls=_count(fit for noted in called for fit in noted.fits),
        only_reasoning=_count(n.outcome.reasoning and not n.outcome.text and not n.outcome.calls for n in all_notes),
        trigger=_trigger(compared) if compared else None,
        similarity=_similarity(compared),
        due=_count(labelled) if labelled else None,
    )


def agreement(first: Mapping[int, Outcome], second: Mapping[int, Outcome]) -> Trigger:
    """How far a second run of the endpoint makes the first one's calls: the highest F1 to expect of another."""
    return _trigger([(first[index], second[index]) for index in first if index in second])


def fits(tools: Sequence[Any], name: str, arguments: str) -> bool:
    """Whether a call fits the first tool of its name. It never fits a tool without a valid schema.

    This follows both verifiers. :mod:`toolworthy.work.scoring.calls` differs: there, a tool without a schema
    accepts everything. Formats are not checked, whichever draft the schema names.
    """
    functions = (as_dict(as_dict(tool).get("function")) for tool in tools)
    schema = next((function.get("parameters") for function in functions if function.get("name") == name), None)
    validator = _validator(json.dumps(schema, sort_keys=True)) if schema else None
    try:
        return validator is not None and bool(validator.is_valid(json.loads(arguments)))
    except (ValueError, RecursionError):
        return False


@lru_cache(maxsize=512)
def _validator(schema: str) -> Any:
    import jsonschema_rs

    try:
        return jsonschema_rs.validator_for(json.loads(schema), validate_formats=False)
    except (jsonschema_rs.ValidationError, ValueError):
        return None


def _trigger(pairs: Iterable[tuple[Outcome, Outcome]]) -> Trigger:
    counts = Counter((reference.called, outcome.called) for reference, outcome in pairs)
    return Trigger(counts[True, True], counts[False, True], counts[True, False], counts[False, False])


def _similarity(pairs: Sequence[tuple[Outcome, Outcome]]) -> float | None:
    """None if one side made no call."""
    first = Counter(len(reference.calls) for reference, _ in pairs if reference.called)
    second = Counter(len(outcome.calls) for _, outcome in pairs if outcome.called)
    lengths = math.hypot(*first.values()) * math.hypot(*second.values())
    return sum(first[size] * second[size] for size in first) / lengths if lengths else None


def _count(values: Iterable[bool]) -> Count:
    results = list(values)
    return Count(ok=sum(results), n=len(results))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
