"""Rules over what Gemini endpoints answer: candidates, thought signatures, errors."""

from __future__ import annotations

import base64
import binascii
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from toolworthy.rules import model
from toolworthy.rules.model import Violations
from toolworthy.rules.view import View
from toolworthy.wire.lenient import as_dict, as_int, as_list, as_str, parse_json

rule = partial(model.rule, area="Gemini answers")

_SPEC = "https://ai.google.dev/api/generate-content"
_SIGNATURES = "https://ai.google.dev/gemini-api/docs/thought-signatures"
_SLIPS = frozenset({"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS"})
_SNAKE = re.compile(r"[a-z]+(?:_[a-z]+)+")


def _chunks(view: View) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Every chunk, as it reads and as it was written; a whole answer is one."""
    if view.exchange.streamed:
        yield from ((event.value, event.data) for event in view.events)
    elif view.answered and view.whole:
        yield view.whole, view.tail()


def _contents(view: View) -> Iterator[tuple[Mapping[str, Any], str]]:
    """The content of every candidate of every chunk that has one."""
    for chunk, written in _chunks(view):
        for candidate in as_list(chunk.get("candidates")):
            if isinstance(as_dict(candidate).get("content"), dict):
                yield candidate["content"], written


def _parts(view: View) -> Iterator[tuple[Mapping[str, Any], str]]:
    for content, written in _contents(view):
        yield from ((as_dict(part), written) for part in as_list(content.get("parts")))


@rule(
    "TW801",
    "content after the finish reason",
    "degrades",
    source="router-for-me/CLIProxyAPI#5640",
    right='Only the last chunk has a "finishReason"; chunks before it leave it out.',
)
def early_finish(view: View) -> Violations:
    """A chunk says ``finishReason``, and text or calls come after it, as Google's own first models had it. Agents and
    gateways that end the answer at the first reason lose what follows."""
    for detail, excerpt in view.repairs("early-finish"):
        yield f"{detail} is said, and more comes after it", excerpt


@rule(
    "TW802",
    "call without a thought signature",
    "degrades",
    source="BerriAI/litellm#25322",
    right='The first call of an answer that was thought about is signed, beside the call: {"functionCall": {…}, '
    '"thoughtSignature": "…"}.',
    situation="thinking",
)
def unsigned(view: View) -> Violations:
    """The model thought before it called, and the first call has no ``thoughtSignature``: a gateway lost it, or moved
    it to another part. Newer models refuse the next request for it; older ones forget what they thought."""
    usage = view.response.usage
    calls = [(part, written) for part, written in _parts(view) if isinstance(part.get("functionCall"), dict)]
    thought = bool(view.thoughts or (usage and usage.reasoning))
    if view.answered and thought and calls and not calls[0][0].get("thoughtSignature"):
        yield f"{as_str(calls[0][0]['functionCall'].get('name'))} is called without a signature", calls[0][1]


@rule(
    "TW803",
    "thought signature that cannot be read",
    "degrades",
    source=_SIGNATURES,
    right='A signature is base64, and comes in one piece: "thoughtSignature": "Cl8B3uV4…".',
)
def bad_signature(view: View) -> Violations:
    """``thoughtSignature`` is no base64 text. Typed clients, Google's own among them, cannot read the answer."""
    for part, written in _parts(view):
        if "thoughtSignature" in part and not _base64(part["thoughtSignature"]):
            yield f"the signature begins with {json.dumps(part['thoughtSignature'])[:40]}", written


def _base64(value: Any) -> bool:
    try:
        text = value.translate(str.maketrans("-_", "+/"))
        base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (AttributeError, TypeError, ValueError, binascii.Error):
        return False
    return True


@rule(
    "TW804",
    "end marker of another API",
    "degrades",
    source="Sophomoresty/gemini-web2api#31",
    right="The stream ends with the chunk that has the finish reason, and holds no [DONE].",
)
def done(view: View) -> Violations:
    """``data: [DONE]`` belongs to Chat Completions. Clients of Gemini read every event as JSON, and fail on it."""
    for _ in view.repairs("done-marker"):
        yield "the stream holds [DONE]", view.tail()


@rule(
    "TW805",
    "content without its role",
    "degrades",
    source="nicobailon/pi-web-access#74",
    right='Every content has its role: {"role": "model", "parts": […]}.',
)
def role(view: View) -> Violations:
    """The content of a candidate lacks ``role: model``. Clients send it back as it is, and the endpoint then takes the
    model's words for the user's, or refuses them."""
    for content, written in _contents(view):
        if content.get("role") != "model":
            yield f"the role of a content is {json.dumps(content.get('role'))}", written


@rule(
    "TW806",
    "names in snake case",
    "degrades",
    source=_SPEC,
    right='Names of fields are in camel case: "functionCall", "finishReason", "usageMetadata".',
    follows=("TW803",),
)
def snake(view: View) -> Violations:
    """Fields are called ``function_call`` or ``finish_reason``, as in Python. Requests may be written so; in answers
    clients do not find them, and show an empty turn."""
    for chunk, written in _chunks(view):
        candidates = [as_dict(candidate) for candidate in as_list(chunk.get("candidates"))]
        parts = [part for one in candidates for part in as_list(as_dict(one.get("content")).get("parts"))]
        for holder in (chunk, *candidates, *map(as_dict, parts)):
            for name in filter(_SNAKE.fullmatch, holder):
                yield f"a field is called {name}", written


@rule(
    "TW807",
    "call given up as malformed",
    "degrades",
    source="pydantic/pydantic-ai#3095",
    right="The call comes as the model wrote it, or as text where it cannot be read as one; the client tells the model "
    "what was wrong.",
)
def given_up(view: View) -> Violations:
    """The answer ends with MALFORMED_FUNCTION_CALL, UNEXPECTED_TOOL_CALL or the like, and without what the model wrote.
    The agent has nothing to show to the model; it asks the same again, or ends the task."""
    if view.answered and view.response.raw_stop in _SLIPS and not view.calls:
        yield f"the answer ends with {view.response.raw_stop}", view.stopped()


@rule(
    "TW808",
    "error without its status word",
    "degrades",
    source="https://cloud.google.com/apis/design/errors",
    right='An error is {"error": {"code": 429, "message": "…", "status": "RESOURCE_EXHAUSTED"}}, its code the HTTP '
    "status.",
    situation="refused-request",
)
def status_word(view: View) -> Violations:
    """An error lacks ``status``, or its ``code`` is no number. Google's clients go by both: they cannot tell a limit of
    the rate from a quota that is used up, and retry what never succeeds."""
    for value, written in _errors(view):
        error = as_dict(value.get("error"))
        told = {"numeric code": as_int(error.get("code")), "status": error.get("status")}
        if error and (missing := [name for name, there in told.items() if not there]):
            yield f"an error has no {' and no '.join(missing)}", written


@rule(
    "TW809",
    "error in an array",
    "degrades",
    source="google-gemini/gemini-cli#11248",
    right='An error is one object, {"error": {…}}; only a stream without alt=sse is an array.',
    situation="refused-request",
    follows=("TW808",),
)
def array(view: View) -> Violations:
    """The error stands in an array. Clients look for ``error`` in an object and find none: they show the bytes, or
    nothing."""
    values = [(parse_json(event.data), event.data) for event in view.events]
    if (view.exchange.status or 0) >= 400:
        values.append((parse_json(view.exchange.body), view.tail()))
    for value, written in values:
        if isinstance(value, list) and "error" in as_dict(next(iter(value), None)):
            yield "the error stands in an array", written


@rule(
    "TW810",
    "usageMetadata that does not add up",
    "cosmetic",
    source=_SPEC,
    right='"totalTokenCount" is the sum of prompt, candidates, thoughts and tool use; "candidatesTokenCount" counts no '
    "thoughts.",
    situation="token-counts",
)
def total(view: View) -> Violations:
    """The total is not the sum of its parts: thoughts are counted among the candidates, or twice."""
    counted = [(as_dict(chunk["usageMetadata"]), text) for chunk, text in _chunks(view) if chunk.get("usageMetadata")]
    usage, written = counted[-1] if counted else ({}, "")
    told = as_int(usage.get("totalTokenCount"))
    names = ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "toolUsePromptTokenCount")
    parts = [as_int(usage.get(name)) or 0 for name in names]
    if view.answered and told is not None and told != sum(parts):
        yield f"totalTokenCount is {told}, its parts are {sum(parts)}", written


@rule(
    "TW811",
    "tokens counted chunk by chunk",
    "degrades",
    source=_SPEC,
    right='Each "usageMetadata" counts all tokens so far, and the last one all of the answer.',
    situation="token-counts",
)
def shrinking(view: View) -> Violations:
    """A later chunk counts fewer tokens than one before it: each counts its own only. Clients keep the last, and take a
    long answer, or a full context, for a short one."""
    counts = [
        (as_int(as_dict(chunk.get("usageMetadata")).get("totalTokenCount")), text) for chunk, text in _chunks(view)
    ]
    for (before, _), (after, written) in itertools.pairwise([(count, text) for count, text in counts if count]):
        if (after or 0) < (before or 0):
            yield f"the count falls from {before} to {after}", written


def _errors(view: View) -> Iterator[tuple[Mapping[str, Any], str]]:
    values = [(event.value, event.data) for event in view.events if event.value.get("error")]
    if (view.exchange.status or 0) >= 400:
        body = parse_json(view.exchange.body)
        values.append((as_dict(body[0] if isinstance(body, list) and body else body), view.tail()))
    return iter(values)
