"""Find JSON anywhere in a file: bodies, lists of events, HAR files, log lines with a request and its response."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from toolworthy import wire
from toolworthy.records.formats._collect import Collector, api_of, is_event, is_request, text_of
from toolworthy.records.formats._markup import encoded
from toolworthy.wire.declaration import Route
from toolworthy.wire.lenient import as_dict, as_int, parse_json
from toolworthy.wire.sse import is_stream

_FIELD = re.compile(r"\s*(?:data|event|id|retry):|\s*:(?!\S)|\s*\Z")
_DATA = re.compile(r"^[ \t]*(?:data|event):", re.MULTILINE)
_LEFT_OUT = re.compile(r"\W*(?:\.{3,}|…|\[?\(?(?:truncated|snip(?:ped)?|omitted|more|etc)\b).*", re.IGNORECASE)
_RESPONSE = (
    "response",
    "response_body",
    "responseBody",
    "raw_response",
    "original_response",
    "respPayload",
    "resp",
    "res",
)
_REQUEST = ("request", "request_body", "requestBody", "raw_request", "proxy_server_request", "reqPayload", "req")
_STATUS = ("status", "status_code", "statusCode", "code")
_PARAMETERS = ("model_parameters", "optional_params")
"""Keys of requests and responses in logs: LiteLLM's payload, OpenAI's batches, HAR, proxies."""
_DEPTH = 8
_WASTED = 2**28
"""The most characters that may be read in vain: in a truncated file, an unclosed brace encloses all others."""


def lines(block: str, start: int, collector: Collector) -> None:
    """Collect the event streams of a block of text; else its JSON values, wherever they begin."""
    if _DATA.search(block):
        for at, body, partly in _streams(block):
            collector.body(start + at, encoded(body), partly=partly)
        return
    before, every = 0, list(json_values(block))
    pieces = _are_pieces([value for _, _, value in every])
    for at, end, value in every:
        if "[DONE]" in block[before:at]:
            collector.flush()
        if pieces:
            collector.event(start + at, value)
        else:
            _value(start + at, value, collector, _DEPTH)
        before = end
    collector.flush(partly=any(_LEFT_OUT.fullmatch(line) for line in block.splitlines()))


def one_body(text: str) -> str:
    """The body at the start of a text, without the shell output after it."""
    bare = text.lstrip()
    if bare.startswith("{"):
        _, end, _ = next(json_values(bare), (0, len(bare), None))
        return bare[:end]
    return text


def requests(text: str, start: int, collector: Collector) -> None:
    """Collect only the requests of a text."""
    for _, _, value in json_values(text):
        if isinstance(value, dict) and is_request(value):
            collector.asked(value)


def document(value: Any, collector: Collector) -> None:
    """Collect from a file that is a single JSON value. Here an error is a response; in a log it may be anything."""
    _value(0, value, collector, _DEPTH, alone=True)
    collector.flush()


def _are_pieces(values: Sequence[Any]) -> bool:
    """Whether values are pieces of one response in an API whose events look like whole responses."""
    apis = {api_of(value) for value in values}
    known = len(apis) == 1 and (api := apis.pop()) and not wire.api(api).answer_kind
    return bool(known) and len(values) > 1 and len({as_dict(item).get("responseId") for item in values}) == 1


def _value(place: int, value: Any, collector: Collector, depth: int, *, alone: bool = False) -> None:
    if not depth:
        return
    if isinstance(value, list):
        pieces = _are_pieces(value)
        for item in value:
            if pieces or (api_of(item) and is_event(item)):
                collector.event(place, item)
            else:
                _value(place, item, collector, depth - 1, alone=alone)
    elif isinstance(value, str):
        if is_stream(encoded(value)):
            collector.body(place, encoded(value))
        elif value.lstrip()[:1] in ("{", "[") and value.rstrip()[-1:] in ("}", "]"):
            _value(place, parse_json(value), collector, depth - 1)
    elif isinstance(value, dict):
        _object(place, value, collector, depth, alone=alone)


def _object(place: int, value: Mapping[str, Any], collector: Collector, depth: int, *, alone: bool) -> None:
    if api_of(value):
        if is_event(value):
            collector.event(place, value)
        else:
            collector.body(place, _written(value))
    elif name := next((name for name in _RESPONSE if value.get(name)), None):
        _record(place, value, name, collector, depth)
    elif is_request(value):
        collector.asked(value)
    elif alone and value.get("error") and not {"level", "msg", "ts"} & value.keys():
        collector.body(place, _written(value))
    else:
        for item in value.values():
            _value(place, item, collector, depth - 1)


def _record(place: int, value: Mapping[str, Any], name: str, collector: Collector, depth: int) -> None:
    """One entry of a log or of a HAR file: a response under `name`, and its request next to it."""
    response = value[name]
    fields = as_dict(response)
    status = next((code for holder in (fields, value) for key in _STATUS if (code := as_int(holder.get(key)))), None)
    request, route = _asked(value)
    collector.asked(request, route)
    body = text_of(as_dict(fields.get("content"))) if "content" in fields else None
    if isinstance(response, str):
        body = encoded(response)
    if body is None and isinstance(fields.get("body"), (str, dict)):
        body = _written(fields["body"])
    if body is not None:
        if request or route or is_stream(body) or api_of(parse_json(body)):
            headers = _headers(fields.get("headers") or value.get("response_headers"))
            collector.body(place, body, status=status, headers=headers)
    else:
        _value(place, response, collector, depth - 1, alone=True)
        collector.flush()


def _written(value: object) -> bytes:
    """A body: text as it is, else as JSON."""
    return (
        encoded(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    )


def _asked(value: Mapping[str, Any]) -> tuple[Mapping[str, Any] | None, Route | None]:
    """The body and route of a record's request."""
    held: Any = next((value[name] for name in _REQUEST if value.get(name)), {})
    fields = as_dict(held if isinstance(held, dict) else parse_json(held) if isinstance(held, str) else None)
    url = next(
        (
            candidate
            for part in (fields, value)
            for key in ("url", "path", "endpoint")
            if isinstance(candidate := part.get(key), str)
        ),
        "",
    )
    method = next((candidate for part in (fields, value) if isinstance(candidate := part.get("method"), str)), "POST")
    route = wire.route(method, url) if url.startswith(("/", "http")) else None
    bodies = (fields, as_dict(fields.get("postData")).get("text"), fields.get("body"), value)
    for candidate in bodies:
        body = parse_json(candidate) if isinstance(candidate, str) else candidate
        if isinstance(body, dict) and is_request(body):
            return (_of_record(body) if body is value else body), route
    return None, route


def _of_record(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """A request whose fields are in the record itself, as LiteLLM's, which records a stream as a whole response."""
    more = next((as_dict(value[name]) for name in _PARAMETERS if value.get(name)), {})
    plain = {name: value[name] for name in ("model", "messages", "input", "tools", "tool_choice") if value.get(name)}
    return {name: item for name, item in {**more, **plain}.items() if name not in ("stream", "stream_options")}


def _headers(value: Any) -> dict[str, str]:
    """Headers of a response: an object, or a HAR file's list."""
    if isinstance(value, list):
        value = {str(as_dict(item).get("name")): as_dict(item).get("value") for item in value}
    return {name: item for name, item in as_dict(value).items() if isinstance(item, str)}


def json_values(text: str) -> Iterator[tuple[int, int, Any]]:
    """Every outermost JSON object or array of objects: start, end, value."""
    scan, at = json.JSONDecoder().raw_decode, 0
    opens = re.compile(r"\{|\[(?=\s*[{\[])")
    spent = 0
    while spent < _WASTED and (begin := opens.search(text, at)):
        try:
            value, at = scan(text, begin.start())
            yield begin.start(), at, value
        except (ValueError, RecursionError) as error:
            spent += getattr(error, "pos", len(text)) - begin.start()
            at = begin.end()


def _streams(block: str) -> Iterator[tuple[int, str, bool]]:
    """The event streams of a block: start, body, and whether the rest is omitted."""
    at, begin, partly, ended = 0, 0, False, False
    body: list[str] = []
    for line in block.splitlines(keepends=True):
        bare = line.lstrip(" \t")
        if ended and _begins_another(bare, body):
            yield begin, _spaced(body), partly
            body, partly, ended = [], False, False
        if _LEFT_OUT.fullmatch(line.strip()) and body:
            partly = True
        elif _FIELD.match(bare) or bare.startswith("{"):
            begin = begin if body else at
            if (bare.strip() or body) and not partly:
                body.append(bare)
        elif body and body[-1].startswith("data:") and not _complete(body[-1]):
            body[-1] = body[-1].rstrip("\r\n") + bare  # wrapped by a terminal
        at += len(line)
        ended = ended or bare.strip() == "data: [DONE]"
    if any(line.strip() for line in body):
        yield begin, _spaced(body), partly


def _begins_another(line: str, body: list[str]) -> bool:
    """Whether an event after ``[DONE]`` belongs to another response."""
    value = as_dict(parse_json(line.partition(":")[2])) if line.startswith("data:") else {}
    return bool(value) and not any(f'"{value.get("id")}"' in before for before in body)


def _complete(line: str) -> bool:
    data = line.partition(":")[2].strip()
    return data == "[DONE]" or parse_json(data) is not None


def _spaced(body: list[str]) -> str:
    """The stream; if all blank lines between its events were lost, with blank lines inserted."""
    if any(not line.strip() for line in body[:-1]) or len(body) < 2:
        return "".join(body) if body[-1].endswith("\n") else "".join(body) + "\n\n"
    return "".join(f"{line.rstrip()}\n" + ("" if line.startswith("event:") else "\n") for line in body)
