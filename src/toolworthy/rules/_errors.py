"""Rules over what an error says: whose fault it is, and whether it tells that truly."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from toolworthy.rules import model
from toolworthy.rules.model import Violations
from toolworthy.rules.view import View
from toolworthy.wire.ir import ToolCall
from toolworthy.wire.lenient import as_dict, as_int, parse_json

rule = partial(model.rule, area="HTTP and framing")

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
    """All that an error says; empty where there is none."""
    if (view.exchange.status or 0) >= 400:
        return view.exchange.body[:8192].decode(errors="replace")
    failure = view.response.failure
    return f"{failure.type} {failure.code} {failure.message}" if failure else ""


@rule(
    "TW621",
    "tools refused as a whole",
    "blocks",
    source="vllm-project/vllm#9986",
    right="A request with tools gets HTTP 200 and an answer, with calls as the API has them where the model makes "
    "them.",
)
def no_tools(view: View) -> Violations:
    """The error says that there are no tools here: the model has none, this provider of it has none, or the server was
    started without them (vLLM wants ``--enable-auto-tool-choice`` and ``--tool-call-parser``, llama-server wanted
    ``--jinja``). No agent can work with such an endpoint until that is changed."""
    if (view.request and view.request.tools) and (found := _NO_TOOLS.search(_words(view))):
        yield f"HTTP {view.exchange.status}: {found.group()!r}", view.tail()


@rule(
    "TW622",
    "the client's fault told as the server's",
    "degrades",
    source="nathaninline/ajean#26",
    right="A request that can never succeed gets HTTP 400, with the reason in error.message; HTTP 5xx is for trouble "
    "that may pass.",
    situation="refused-request",
)
def told_as_ours(view: View) -> Violations:
    """HTTP 5xx for a request that can never succeed: a chat template that refuses the order of messages, a parameter
    that is not known. Agents take 5xx for a passing trouble and send the same again and again."""
    words = _words(view)
    if (view.exchange.status or 0) >= 500 and not _BUSY.search(words) and (found := _OWN_FAULT.search(words)):
        yield f"HTTP {view.exchange.status} for a bad request ({found.group()!r})", view.tail()


@rule(
    "TW623",
    "another status than the error speaks of",
    "degrades",
    source="BerriAI/litellm#4259",
    right="The HTTP status is that of the error, also where it is an upstream's: 429 for a rate limit, 401 for a bad "
    "key, 400 for a bad request.",
    situation="refused-request",
)
def other_status(view: View) -> Violations:
    """A gateway passes on the words of an error and not its status, so that an agent waits where it should not, or
    gives up where waiting would help."""
    status, words = view.exchange.status or 0, _words(view)
    if status < 400:
        return
    told = {int(number) for number in _STATUS.findall(words)} or set(_codes(parse_json(view.exchange.body)))
    if told and all(_meaning(number) != _meaning(status) for number in told):
        yield f"HTTP {status}, and the error speaks of {min(told)}", view.tail()
    elif not told and status not in _WAIT and _BUSY.search(words):
        yield f"HTTP {status}, and the error speaks of a rate limit", view.tail()


def _codes(value: Any) -> list[int]:
    """HTTP statuses that stand as numbers in an error's fields."""
    error = as_dict(as_dict(value).get("error"))
    found = [as_int(error.get(name)) for name in ("code", "status", "http_code", "status_code")]
    return [number for number in found if number is not None and 400 <= number < 600]


def _meaning(status: int) -> str:
    return "wait" if status in _WAIT else "server" if status >= 500 else "client"


@rule(
    "TW624",
    "the model's slip told as an error",
    "blocks",
    source="openai/harmony#60",
    right="The answer comes with HTTP 200 and what the model wrote: the call under the name it used, or as text what "
    "cannot be read as a call.",
    situation="refused-request",
)
def models_slip(view: View) -> Violations:
    """The model wrote a call that the server could not read, or called a tool that is not offered, and the request
    fails for it. The agent has done nothing wrong and can mend nothing; the call or the text as it was would let the
    model correct itself."""
    if (found := _MODELS_FAULT.search(_words(view))) and not _bad_history(view):
        yield f"HTTP {view.exchange.status}: {found.group()!r}", view.tail()


def _bad_history(view: View) -> bool:
    """Whether the agent itself sent back arguments that are no JSON object: then it is these that cannot be read."""
    messages = view.request.messages if view.request else ()
    calls = (part for message in messages for part in message.parts if isinstance(part, ToolCall) and not part.custom)
    return any(not isinstance(parse_json(call.arguments), dict) for call in calls)


@rule(
    "TW626",
    "refused for the client it came from",
    "blocks",
    source="anomalyco/opencode#2784",
    right="A good key is enough: the request gets its answer whatever user-agent it comes with.",
)
def client(view: View) -> Violations:
    """The key is good and the endpoint serves certain programs only, which it tells by their headers. Other agents
    cannot use it, however well they speak the API."""
    if view.exchange.status in (400, 401, 403) and (found := _CLIENT.search(_words(view))):
        yield f"HTTP {view.exchange.status}: {found.group()!r}", view.tail()
