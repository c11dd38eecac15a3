"""Extract the decision from a response, and compare two decisions."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

from toolworthy import rules
from toolworthy.records.exchange import Exchange
from toolworthy.records.replay import Called, Decision, Difference
from toolworthy.rules.view import View
from toolworthy.wire.ir import Request, ToolCall
from toolworthy.wire.lenient import dump_json, parse_json
from toolworthy.wire.shapes import unwrap_input
from toolworthy.work.scoring.calls import judge_call

_MAX_ARGUMENTS = 2_000
_MAX_TEXT = 200
_SHOWN = 120


def decision(exchange: Exchange, request: Request) -> Decision:
    """The decision in an exchange's response.

    Args:
        exchange: the recorded one, or the new one.
        request: the recorded request, which says what was offered.
    """
    view = View(exchange)
    response, usage, error = view.response, view.response.usage, _error(view)
    return Decision(
        calls=() if error else tuple(_called(call, request) for call in response.calls),
        finish=response.stop,
        raw_finish=response.raw_stop,
        text=response.text[:_MAX_TEXT],
        error=error,
        findings=tuple(dict.fromkeys(finding.code for finding in rules.check([exchange]))),
        model=response.model,
        input_tokens=usage.input if usage else None,
        output_tokens=usage.output if usage else None,
        first_seconds=exchange.first_byte if exchange.streamed else None,
        seconds=round(exchange.seconds, 4),
    )


def differences(old: Decision, new: Decision, *, same_api: bool) -> tuple[Difference, ...]:
    """In which respects `new` differs from `old`; none of form where one of them is not an answer.

    Args:
        old: the recorded answer.
        new: the answer of now.
        same_api: whether both came over one API, so that how arguments are written can be compared.
    """
    if old.error or new.error:
        return tuple(_errors(old, new))
    return (*_decisive(old, new), *_of_form(old, new, same_api))


def _errors(old: Decision, new: Decision) -> Iterator[Difference]:
    if new.error and not old.error:
        yield Difference(kind="endpoint error", detail=f"recorded {_says(old)}, now {new.error}")
    elif old.error and not new.error:
        yield Difference(kind="answers now", detail=f"recorded {old.error}, now {_says(new)}")


def _decisive(old: Decision, new: Decision) -> Iterator[Difference]:
    detail = f"recorded {_says(old)}, now {_says(new)}"
    if old.calls and not new.calls:
        yield Difference(kind="no call", detail=detail)
    elif new.calls and not old.calls:
        yield Difference(kind="call", detail=detail)
    elif old.tools != new.tools:
        yield Difference(kind="other tools", detail=detail)
    elif old.shape != new.shape:
        yield Difference(kind="other arguments", detail=_arguments(old, new))


def _of_form(old: Decision, new: Decision, same_api: bool) -> Iterator[Difference]:
    if same_api and old.calls and old.shape == new.shape and _texts(old) != _texts(new):
        yield Difference(kind="arguments written otherwise", detail=_arguments(old, new, "text"))
    before, after = _trouble(old), _trouble(new)
    if bool(before) != bool(after):
        now = f"now not valid: {after}" if after else f"recorded not valid: {before}; now valid"
        yield Difference(kind="schema", detail=now)
    if old.finish != new.finish:
        yield Difference(kind="finish reason", detail=f"recorded {_finish(old)}, now {_finish(new)}")
    gone, come = set(old.findings) - set(new.findings), set(new.findings) - set(old.findings)
    leaks = rules.codes("leaks into text")
    for leaked in (True, False):
        codes = [sorted(code for code in side if (code in leaks) is leaked) for side in (come, gone)]
        words = [
            f"{word} {', '.join(side_codes)}"
            for word, side_codes in zip(("now", "no longer"), codes, strict=True)
            if side_codes
        ]
        if words:
            yield Difference(kind="leaked syntax" if leaked else "findings", detail="; ".join(words))


def _called(call: ToolCall, request: Request) -> Called:
    name = f"{call.namespace}__{call.name}" if call.namespace else call.name
    tool = request.tool(name)
    free = call.custom or bool(tool and tool.custom)
    text = unwrap_input(call.arguments) if free and not call.custom else call.arguments
    fit = judge_call(request, call)
    return Called(
        name=name,
        arguments=text[:_MAX_ARGUMENTS],
        value=_hash(text if free else _canonical(text)),
        text=_hash(text),
        known=fit.known,
        parses=fit.parses,
        problem=fit.problem and fit.problem[:300],
    )


def _canonical(text: str) -> str:
    """Arguments as one text for all that mean the same; as they are where they are not JSON. None at all means none."""
    value = parse_json(text) if text.strip() else {}
    return text if value is None else json.dumps(_numbers(value), sort_keys=True)


def _numbers(value: Any) -> Any:
    """The same value, 1.0 written as 1."""
    if isinstance(value, dict):
        return {name: _numbers(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _error(view: View) -> str:
    """Why there is no answer; empty where there is one."""
    response, failure, status = view.response, view.response.failure, view.exchange.status
    if view.answered:
        return "" if response.parts or response.stop is not None else "an unreadable response"
    if failure is not None:
        head = f"HTTP {status}: " if status is not None and status >= 400 else "an error within the response: "
        return head + failure.message[:300]
    return str(view.exchange.error or "no answer")


def _trouble(made: Decision) -> str:
    return "; ".join(filter(None, (call.trouble for call in made.calls)))[:300]


def _texts(made: Decision) -> list[tuple[str, str]]:
    return sorted((call.name, call.text) for call in made.calls)


def _says(made: Decision) -> str:
    """A decision in a few words."""
    if made.calls:
        return _short(" and ".join(f"{call.name}({call.arguments[:_SHOWN]})" for call in made.calls))
    return f"text {_short(made.text)!r}" if made.text.strip() else "neither text nor call"


def _finish(made: Decision) -> str:
    raw = f" ({made.raw_finish})" if made.raw_finish and made.raw_finish != made.finish else ""
    return (made.finish or "none") + raw


def _arguments(old: Decision, new: Decision, by: str = "value") -> str:
    """The first call whose arguments differ, as far as they do."""
    before = sorted(old.calls, key=lambda call: (call.name, getattr(call, by)))
    after = sorted(new.calls, key=lambda call: (call.name, getattr(call, by)))
    differing = [pair for pair in zip(before, after, strict=True) if getattr(pair[0], by) != getattr(pair[1], by)]
    was, now = differing[0]
    ours, theirs = parse_json(was.arguments), parse_json(now.arguments)
    if by == "value" and isinstance(ours, dict) and isinstance(theirs, dict):
        names = [name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name)]
        changes = (f"{name} {_short(_json(ours, name))} became {_short(_json(theirs, name))}" for name in names[:2])
        return f"{was.name}: " + "; ".join(changes)
    return f"{was.name}: {_short(was.arguments)} became {_short(now.arguments)}"


def _json(value: dict[str, Any], name: str) -> str:
    return dump_json(value[name]) if name in value else "nothing"


def _short(text: str) -> str:
    line = re.sub(r"\s+", " ", text).strip()
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"
