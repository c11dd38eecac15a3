"""Rules on responses of Gemini endpoints: candidates, thought signatures, errors."""

from __future__ import annotations

import base64
import binascii
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from toolworthy.rules.model import Violations, builtin
from toolworthy.rules.view import View
from toolworthy.wire.lenient import as_dict, as_int, as_list, as_str, parse_json

_SLIPS = frozenset({"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS"})
_SNAKE = re.compile(r"[a-z]+(?:_[a-z]+)+")


def _chunks(view: View) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Every chunk, parsed and as text; a whole response is one chunk."""
    if view.exchange.streamed:
        yield from ((event.value, event.data) for event in view.events)
    elif view.answered and view.whole:
        yield view.whole, view.tail()


def _contents(view: View) -> Iterator[tuple[Mapping[str, Any], str]]:
    """The content of every candidate of every chunk, if it has one."""
    for chunk, written in _chunks(view):
        for candidate in as_list(chunk.get("candidates")):
            if isinstance(as_dict(candidate).get("content"), dict):
                yield candidate["content"], written


def _parts(view: View) -> Iterator[tuple[Mapping[str, Any], str]]:
    for content, written in _contents(view):
        yield from ((as_dict(part), written) for part in as_list(content.get("parts")))


@builtin("TW801")
def _early_finish_reason(view: View) -> Violations:
    for detail, excerpt in view.repairs("early-finish"):
        yield f"content follows the finishReason {detail}", excerpt


@builtin("TW802")
def _missing_thought_signature(view: View) -> Violations:
    usage = view.response.usage
    calls = [(part, written) for part, written in _parts(view) if isinstance(part.get("functionCall"), dict)]
    thought = bool(view.thoughts or (usage and usage.reasoning))
    if view.answered and thought and calls and not calls[0][0].get("thoughtSignature"):
        yield f"the call of {as_str(calls[0][0]['functionCall'].get('name'))} has no thoughtSignature", calls[0][1]


@builtin("TW803")
def _invalid_thought_signature(view: View) -> Violations:
    for part, written in _parts(view):
        if "thoughtSignature" in part and not _base64(part["thoughtSignature"]):
            yield f"the thoughtSignature is not base64: {json.dumps(part['thoughtSignature'])[:40]}", written


def _base64(value: Any) -> bool:
    try:
        text = value.translate(str.maketrans("-_", "+/"))
        base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (AttributeError, TypeError, ValueError, binascii.Error):
        return False
    return True


@builtin("TW804")
def _done_marker_in_gemini(view: View) -> Violations:
    for _ in view.repairs("done-marker"):
        yield "the stream has [DONE]", view.tail()


@builtin("TW805")
def _missing_content_role(view: View) -> Violations:
    for content, written in _contents(view):
        if content.get("role") != "model":
            yield f"a content has the role {json.dumps(content.get('role'))}", written


@builtin("TW806")
def _snake_case_fields(view: View) -> Violations:
    for chunk, written in _chunks(view):
        candidates = [as_dict(candidate) for candidate in as_list(chunk.get("candidates"))]
        parts = [part for candidate in candidates for part in as_list(as_dict(candidate.get("content")).get("parts"))]
        for holder in (chunk, *candidates, *map(as_dict, parts)):
            for name in filter(_SNAKE.fullmatch, holder):
                yield f"a field has the name {name}", written


@builtin("TW807")
def _malformed_call_discarded(view: View) -> Violations:
    if view.answered and view.response.raw_stop in _SLIPS and not view.calls:
        yield f"the response ends with {view.response.raw_stop}", view.stopped()


@builtin("TW808")
def _missing_error_status(view: View) -> Violations:
    for value, written in _errors(view):
        error = as_dict(value.get("error"))
        fields = {"numeric code": as_int(error.get("code")), "status": error.get("status")}
        if error and (missing := [name for name, there in fields.items() if not there]):
            yield f"an error has no {' and no '.join(missing)}", written


@builtin("TW809")
def _error_in_array(view: View) -> Violations:
    values = [(parse_json(event.data), event.data) for event in view.events]
    if (view.exchange.status or 0) >= 400:
        values.append((parse_json(view.exchange.body), view.tail()))
    for value, written in values:
        if isinstance(value, list) and "error" in as_dict(next(iter(value), None)):
            yield "the error is in an array", written


@builtin("TW810")
def _inconsistent_usage_metadata(view: View) -> Violations:
    counted = [(as_dict(chunk["usageMetadata"]), text) for chunk, text in _chunks(view) if chunk.get("usageMetadata")]
    usage, written = counted[-1] if counted else ({}, "")
    total = as_int(usage.get("totalTokenCount"))
    names = ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "toolUsePromptTokenCount")
    parts = [as_int(usage.get(name)) or 0 for name in names]
    if view.answered and total is not None and total != sum(parts):
        yield f"totalTokenCount is {total}, but its parts add up to {sum(parts)}", written


@builtin("TW811")
def _shrinking_usage_metadata(view: View) -> Violations:
    counts = [
        (as_int(as_dict(chunk.get("usageMetadata")).get("totalTokenCount")), text) for chunk, text in _chunks(view)
    ]
    for (before, _), (after, written) in itertools.pairwise([(count, text) for count, text in counts if count]):
        if (after or 0) < (before or 0):
            yield f"totalTokenCount falls from {before} to {after}", written


def _errors(view: View) -> Iterator[tuple[Mapping[str, Any], str]]:
    values = [(event.value, event.data) for event in view.events if event.value.get("error")]
    if (view.exchange.status or 0) >= 400:
        body = parse_json(view.exchange.body)
        values.append((as_dict(body[0] if isinstance(body, list) and body else body), view.tail()))
    return iter(values)
