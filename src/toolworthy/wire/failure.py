"""Read errors in every form that servers use: JSON of many shapes, event streams, web pages, plain text."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from toolworthy.wire.ir import Failure
from toolworthy.wire.lenient import as_dict, as_list, as_str, dump_json, parse_json
from toolworthy.wire.sse import events

RefusalKind = Literal[
    "rate limited",
    "unavailable",
    "empty account",
    "bad key",
    "other client",
    "unknown model",
    "wrong route",
    "bad request",
]
"""What kind of error an answer is. ``unavailable``: a fault of the server, which may be transient; ``other client``: it
serves certain programs only, or certain places; ``bad request``: it refuses this request for what is in it."""

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    422: "invalid_request_error",
    429: "rate_limit_error",
    529: "overloaded_error",
}
_HOLDERS = ("error", "errors", "detail", "fault", "Error")
"""Fields that hold the error itself."""
_WORDS = (
    "message",
    "msg",
    "error_msg",
    "error_message",
    "errorMessage",
    "errorMsg",
    "error_description",
    "status_msg",
    "faultstring",
    "Message",
    "reason",
    "title",
)
"""Fields that contain its message."""
_CODES = ("code", "error_code", "errorCode", "status_code", "Code", "status")
_CONTENT = ("choices", "output", "content", "data", "input_tokens")
"""Fields of a response: next to them, a message is not an error."""
_DEPTH = 6
_PAGE = re.compile(rb"\s*+(?:<!--(?>.*?-->)\s*+)*+<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)
_UNSEEN = re.compile(r"<(script|style|head)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_SAYS_NOTHING = frozenset({"", "error", "document", "untitled"})


def error_type(status: int | None) -> str:
    """The vendors' common word for an HTTP status."""
    return _TYPES.get(status or 0, "api_error")


def parse_error(status: int, body: bytes) -> Failure:
    """An error body of any shape: nested, flat, FastAPI's ``detail``, a bare string, a stream, HTML, nothing at all."""
    failure = failure_of(parse_json(body), status) or next(stream_failures(body, status), None)
    if failure:
        return failure
    text = page(body) or _text_of_html(body.decode("utf-8", "replace"))
    return Failure(text[:500] or "no body", error_type(status), status=status)


def page(body: bytes) -> str | None:
    """The title of a web page, or its text if the title says nothing; None for anything else."""
    if not _PAGE.match(body.removeprefix(b"\xef\xbb\xbf")):
        return None
    text = body[: 2**16].decode("utf-8", "replace")
    match = _TITLE.search(text)
    title = _text_of_html(match[1]) if match else ""
    seen = _text_of_html(_UNSEEN.sub(" ", text))
    if title.lower() in _SAYS_NOTHING:
        description = seen or title
    else:
        more = seen.removeprefix(title).strip()
        description = f"{title}: {more[:120]}" if len(more) > len("nginx/1.29.3") else title
    return f"a web page: {description[:200]}" if description else "a web page without a title"


def stream_failures(body: bytes, status: int | None = None) -> Iterator[Failure]:
    """The failures that the events of a stream report; none if `body` is not a stream."""
    if b"data:" not in body:
        return
    for sse in events(body):
        value = parse_json(sse.data)
        if sse.event == "error" and not isinstance(value, dict) and sse.data.strip():
            yield Failure(sse.data.strip(), error_type(status), status=status)
        if isinstance(value, dict) and (failure := event_failure(value, sse.event, status)):
            yield failure


def event_failure(value: Mapping[str, Any], event: str | None = None, status: int | None = None) -> Failure | None:
    """The failure that one event of a stream reports, in any of the APIs.

    Args:
        value: its data.
        event: its name, where it has one.
        status: that the failure carries.
    """
    kind = as_str(value.get("type")) or event or ""
    if kind == "response.failed":
        return _failed_response(value, status)
    if "error" in (kind, event, value.get("object")):
        return failure_of(value, status) or Failure("an error event without a message", status=status)
    return answer_failure(value, status)


def answer_failure(value: Any, status: int | None = None) -> Failure | None:
    """The failure that a whole response or an event reports under HTTP 200; None if it reports none."""
    if not isinstance(value, dict):
        return failure_of(value, status) if isinstance(value, list) and value and "error" in as_dict(value[0]) else None
    if value.get("error"):
        return failure_of(value, status)
    wrong = (as_dict(choice).get("error") for choice in as_list(value.get("choices")))
    if error := next(filter(None, wrong), None):
        return failure_of({"error": error}, status)
    if any(value.get(name) is not None for name in _CONTENT):
        return None
    if value.get("type") == "error" or value.get("object") == "error" or value.get("success") is False:
        return failure_of(value, status)
    base = as_dict(value.get("base_resp"))
    if base.get("status_code"):
        return failure_of(base, status)
    bare = not ({"id", "type", "object"} & value.keys())
    telling = {"message", "msg", "detail", "errors", "error_msg", "errorMessage"}
    return failure_of(value, status) if bare and telling & value.keys() else None


def _failed_response(value: Mapping[str, Any], status: int | None) -> Failure:
    """Of ``response.failed``: most servers put the error into the response, some next to it."""
    response = as_dict(value.get("response"))
    for place in (response.get("error"), value.get("error"), response.get("last_error"), value.get("message")):
        if place and (failure := failure_of({"error": place}, status)):
            return failure
    error = as_dict(response.get("status_details")).get("error") or as_dict(response.get("incomplete_details"))
    return failure_of({"error": error}, status) or Failure("the response failed without a reason", status=status)


def failure_of(value: Any, status: int | None = None) -> Failure | None:
    """The failure that a JSON value reports; None if it reports none."""
    return _failure(value, status, _DEPTH)


def _failure(value: Any, status: int | None, depth: int) -> Failure | None:
    if isinstance(value, str) and value.strip():
        return Failure(_unwrapped(value), error_type(status), status=status)
    if isinstance(value, list):
        return _first(value, status, depth)
    if not isinstance(value, dict) or not depth:
        return None
    for name in _HOLDERS:
        if isinstance(value.get(name), str) and (value.get("message") or value.get("error_description")):
            continue  # the name of the error, whose message is in another field
        if value.get(name) and (inner := _failure(value[name], status, depth - 1)):
            return _completed(inner, value, status)
    words = next((word for name in (*_WORDS, *_HOLDERS) if (word := value.get(name))), None) or _fields(value)
    if not words:
        return None
    if isinstance(words, (dict, list)) and (inner := _failure(words, status, depth - 1)):
        return _completed(inner, value, status)
    message = _unwrapped(words) if isinstance(words, str) else dump_json(words)
    return Failure(message + _more(value, message), _type(value) or error_type(status), _code(value), status)


def _first(values: list[Any], status: int | None, depth: int) -> Failure | None:
    """Of a list of errors: all errors of a validator, with their fields; else the first."""
    messages = [_validation(item) for item in values]
    if messages and all(messages):
        return Failure("; ".join(messages)[:500], error_type(status), status=status)
    failures = (_failure(item, status, depth - 1) for item in values)
    return next((item for item in failures if item), None)


def _validation(value: Any) -> str:
    """One entry of FastAPI's ``detail``: where, and what."""
    entry = as_dict(value)
    where = ".".join(map(str, as_list(entry.get("loc"))))
    return f"{where}: {entry['msg']}" if where and as_str(entry.get("msg")) else ""


def _fields(value: Mapping[str, Any]) -> str:
    """Errors by field, ``{"model": ["is unknown"]}``, as one text."""
    listed = {name: as_list(messages) for name, messages in value.items()}
    if not all(messages and all(isinstance(message, str) for message in messages) for messages in listed.values()):
        return ""
    return "; ".join(f"{name}: {', '.join(messages)}" for name, messages in listed.items())


def _completed(failure: Failure, outer: Mapping[str, Any], status: int | None) -> Failure:
    """`failure`, completed from the object around it."""
    kind = failure.type if failure.type != error_type(status) else _type(outer) or failure.type
    return Failure(failure.message, kind, failure.code or _code(outer), status)


def _type(value: Mapping[str, Any]) -> str:
    kind = as_str(value.get("type"))
    return "" if kind in ("error", "response.failed") else kind


def _code(value: Mapping[str, Any]) -> str | None:
    named = [value.get(name) for name in _CODES]
    code = next((item for item in named if isinstance(item, (str, int)) and not isinstance(item, bool)), None)
    word = as_str(value.get("status"))
    if isinstance(code, int) and word.isupper():  # Google's: the HTTP status and its name
        return word
    return None if code is None else str(code)


def _more(value: Mapping[str, Any], message: str) -> str:
    """A router's details about the provider behind it."""
    raw = as_dict(value.get("metadata")).get("raw")
    detail = _unwrapped(raw) if isinstance(raw, str) else ""
    return f": {detail}" if detail and detail not in message else ""


def _unwrapped(text: str) -> str:
    """`text`, or the message of the JSON error that it contains."""
    if text.lstrip()[:1] in ("{", "[") and (failure := _failure(parse_json(text), None, 2)):
        return failure.message
    return text


def _text_of_html(text: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text[:4096])).split())
