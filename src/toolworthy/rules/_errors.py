"""Rules on errors: which side is at fault, and whether the error says so correctly."""

from __future__ import annotations

import re
from typing import Any

from toolworthy.base.retry import seconds_to_wait
from toolworthy.rules.model import Violations, builtin
from toolworthy.rules.refusal import Refusal, classify, names_empty_account
from toolworthy.rules.view import View
from toolworthy.wire.ir import ToolCall
from toolworthy.wire.lenient import as_dict, as_int, parse_json

_NO_TOOLS = re.compile(
    r"does(?: not|n't) support (?:tools?\b(?!_)|function|parallel function)|support tool use|cannot use tools"
    r"|(?:tools?|tool (?:use|calls?|calling)|function calling) (?:is|are) (?:not|un)\s?(?:supported|enabled|available)"
    r"|--enable-auto-tool-choice|--tool-call-parser|--jinja",
    re.IGNORECASE,
)
_OWN_FAULT = re.compile(
    r"invalid_request|jinja|chat template|template ?error|must alternate|must be at the beginning"
    r"|unexpected message role|failed to parse tool call arguments"
    r"|not supported|unsupported|cannot use tools|validation error|required field",
    re.IGNORECASE,
)
_MODELS_FAULT = re.compile(
    r"failed_generation|tool_use_failed|requested tool does not exist|attempted to call (?:a )?tool|harmonyerror"
    r"|unexpected tokens? \d+|unknown role: assistant|failed to parse (?:tool call|input at pos|model output|generat)"
    r"|does not match the expected \S+ format|tool call validation failed|could not parse (?:the )?(?:model|tool)",
    re.IGNORECASE,
)
_CLIENT = re.compile(
    r"unauthorized client|client (?:is )?not (?:allowed|authorized|supported)|user[- ]?agent|coding agents?\b"
    r"|only available (?:for|to|in|with) [^.]{0,60}(?:agents?|clients?|cli)\b",
    re.IGNORECASE,
)
_STATUS = re.compile(r"(?:error code|status(?:[ _]code)?|http(?:/[\d.]+)?)\W{0,4}([45]\d\d)\b", re.IGNORECASE)
_BUSY = re.compile(r"RESOURCE_EXHAUSTED|rate_limit|rate limit|too many requests", re.IGNORECASE)
_WAIT = (429, 503, 529)


def _words(view: View) -> str:
    """The full text of an error; empty if there is none."""
    if (view.exchange.status or 0) >= 400:
        return view.exchange.body[:8192].decode(errors="replace")
    failure = view.response.failure
    return f"{failure.type} {failure.code} {failure.message}" if failure else ""


@builtin("TW621")
def _tools_unsupported(view: View) -> Violations:
    offered = view.request.tools if view.request else not view.knows_request
    if offered and (match := _NO_TOOLS.search(_words(view))):
        yield f"HTTP {view.exchange.status}: {match.group()!r}", view.tail()


@builtin("TW622")
def _client_error_as_5xx(view: View) -> Violations:
    words = _words(view)
    if (view.exchange.status or 0) >= 500 and not _BUSY.search(words) and (match := _OWN_FAULT.search(words)):
        yield f"HTTP {view.exchange.status}, but the request is at fault: {match.group()!r}", view.tail()


@builtin("TW623")
def _status_contradicts_error(view: View) -> Violations:
    status, words = view.exchange.status or 0, _words(view)
    if status < 400:
        return
    statuses = {int(number) for number in _STATUS.findall(words)} or set(_codes(parse_json(view.exchange.body)))
    if statuses and all(_meaning(number) != _meaning(status) for number in statuses):
        yield f"HTTP {status}, but the error says {min(statuses)}", view.tail()
    elif not statuses and status not in _WAIT and _BUSY.search(words):
        yield f"HTTP {status}, but the error says that there is a rate limit", view.tail()


def _codes(value: Any) -> list[int]:
    """HTTP statuses given as numbers in an error's fields."""
    error = as_dict(as_dict(value).get("error"))
    numbers = [as_int(error.get(name)) for name in ("code", "status", "http_code", "status_code")]
    return [number for number in numbers if number is not None and 400 <= number < 600]


def _meaning(status: int) -> str:
    return "wait" if status in _WAIT else "server" if status >= 500 else "client"


@builtin("TW624")
def _model_error_as_http_error(view: View) -> Violations:
    if (match := _MODELS_FAULT.search(_words(view))) and not _bad_history(view):
        yield f"HTTP {view.exchange.status}: {match.group()!r}", view.tail()


def _bad_history(view: View) -> bool:
    """Whether the agent's own history has arguments that are not a JSON object: then these may be what cannot be
    read."""
    messages = view.request.messages if view.request else ()
    calls = (part for message in messages for part in message.parts if isinstance(part, ToolCall) and not part.custom)
    return any(not isinstance(parse_json(call.arguments), dict) for call in calls)


@builtin("TW626")
def _client_refused(view: View) -> Violations:
    if view.exchange.status in (400, 401, 403) and (match := _CLIENT.search(_words(view))):
        yield f"HTTP {view.exchange.status}: {match.group()!r}", view.tail()


# ---- when to retry ---------------------------------------------------------------------------------------------------

_EPOCH = 10**9
_ALIKE = 2.0
"""Two delays that differ by more than this factor and this many seconds contradict each other."""


def _refusal(view: View) -> Refusal | None:
    exchange = view.exchange
    return classify(exchange.status, exchange.response_headers, exchange.body) if exchange.status else None


@builtin("TW697")
def _unusable_retry_after(view: View) -> Violations:
    headers = {name: view.exchange.response_headers.get(name) for name in ("retry-after-ms", "retry-after")}
    if (view.exchange.status or 0) < 400 or not any(headers.values()):
        return
    date = {"date": view.exchange.response_headers.get("date", "")}
    waits: dict[str, float] = {}
    for name, value in ((name, value) for name, value in headers.items() if value is not None):
        wait = seconds_to_wait(0, {name: value, **date}, b"", "")
        if wait is None:
            yield f"{name} is {value!r}: neither a number nor a date", f"{name}: {value}"
        elif wait > _EPOCH or (wait == 0 and view.exchange.status == 429):
            meant = "now" if wait == 0 else "a point in time, not a number of seconds"
            yield f"{name} is {value!r}: {meant}", f"{name}: {value}"
        elif name == "retry-after" and re.fullmatch(r"\s*\d+\.\d+\s*", value):
            yield f"{name} is {value!r}: not whole seconds", f"{name}: {value}"
        else:
            waits[name] = wait
    failure = view.response.failure
    if failure and (wait := seconds_to_wait(0, {}, view.exchange.body, failure.message)) is not None:
        waits["the error"] = wait
    longest, shortest = max(waits, key=waits.__getitem__, default=""), min(waits, key=waits.__getitem__, default="")
    if waits and waits[longest] > waits[shortest] * _ALIKE + _ALIKE:
        detail = f"{longest} says {waits[longest]:g} s, {shortest} says {waits[shortest]:g} s"
        yield detail, "; ".join(f"{name}: {value}" for name, value in headers.items() if value)


@builtin("TW699")
def _quota_as_rate_limit(view: View) -> Violations:
    refused, failure = _refusal(view), view.response.failure
    if refused is None or failure is None:
        return
    known = names_empty_account(f"{failure.type} {failure.code}")
    detail = f"HTTP {refused.status}, {failure.code or failure.type}: {failure.message[:120]}"
    if refused.kind == "empty account" and refused.status == 429 and not known:
        yield f"the account is empty, but it looks like a rate limit: {detail}", view.tail()
    if refused.retry_after is not None and (known or refused.status == 402):
        yield (
            f"it looks like an empty account, but asks for a retry in {refused.retry_after:g} s: {detail}",
            view.tail(),
        )


# ---- what is wrong ---------------------------------------------------------------------------------------------------

_NOTHING = re.compile(
    r"(?:error\W+)*(?:\d{3}\W*)?(?:(?:an? )?(?:unknown|unexpected|internal|generic|api|client|invalid)? ?error"
    r"(?: (?:has )?occurred)?|bad[ _]?request(?:error)?|(?:invalid|malformed|unprocessable)[ _](?:api |input )?"
    r"(?:requests?|param(?:eter)?s?|inputs?|arguments?|entity|content|body|value)(?:[ _]error)?|request (?:is )?invalid"
    r"|validation ?(?:error|failed)|(?:request|generation|completion) (?:failed|rejected|error)"
    r"|(?:the )?(?:provider|upstream|backend)(?: request)? ?(?:returned )?(?:an )?(?:error|failed)"
    r"|something went wrong|all (?:target )?providers failed|not found|failed|none|null|undefined|\[object object\]"
    r"|[{}\[\]\s\d]*)(?:\W+(?:please|see|try)\b[^:]*)?[\s.!]*",
    re.IGNORECASE,
)
"""Errors that do not say what is wrong with the request, matched in full."""
_ABOUT = (400, 404, 409, 422)
"""Statuses that blame the request without saying why."""


@builtin("TW698")
def _error_names_nothing(view: View) -> Violations:
    failure = view.response.failure
    if failure is None or view.exchange.status not in _ABOUT:
        return
    value = as_dict(parse_json(view.exchange.body))
    error = as_dict(value.get("error")) or value
    details = any(error.get(name) for name in ("param", "details", "errors", "metadata", "loc"))
    if value and not details and _NOTHING.fullmatch(failure.message.strip()):
        yield f"HTTP {view.exchange.status}: {failure.message[:120]!r}", view.tail()
