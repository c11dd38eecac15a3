"""Rules over HTTP and SSE: status, headers, framing, errors, silence."""

from __future__ import annotations

import itertools
import json
import re
from functools import partial

from toolworthy.rules import model
from toolworthy.rules._responses import items_done
from toolworthy.rules.model import Violations
from toolworthy.rules.refusal import classify
from toolworthy.rules.view import View
from toolworthy.wire.lenient import as_dict, parse_json

rule = partial(model.rule, area="HTTP and framing")

_SSE = "https://html.spec.whatwg.org/multipage/server-sent-events.html"
_LIMIT = re.compile(
    r"context.?(?:length|window|size|limit|overflow)"
    r"|\b(?:prompt|input|request|messages?)\b[^.]{0,40} too (?:long|large)"
    r"|longer than the (?:maximum )?model|token (?:count|limit)|(?:prompt|input) (?:length|exceeds)|reduce the length",
    re.IGNORECASE,
)
"""What servers say of a conversation that is too long for the model."""


@rule(
    "TW601",
    "answer cut short",
    "blocks",
    source="anomalyco/opencode#14972",
    right="The answer goes on to its stop reason and to what ends a stream: data: [DONE] (chat), message_stop "
    "(Messages), response.completed or the like (Responses).",
    follows=("TW412", "TW603", "TW415", "TW506", "TW806"),
)
def cut(view: View) -> Violations:
    """The answer ends without a stop reason and without the event that ends a stream: the server died, a proxy closed
    the connection, or the generator stopped."""
    response = view.response
    only_last = view.api == "responses" and items_done(view)  # TW501 names the one event that is missing
    ended = view.exchange.status is not None and view.exchange.error is None and response.failure is None
    cut_off = ended and not only_last and not response.complete and response.stop is None
    if cut_off and view.exchange.body and _read_something(view):
        yield "the answer stops in the middle", view.tail()
    if view.exchange.error and view.exchange.error.kind == "broken off":
        yield str(view.exchange.error), view.tail()


@rule(
    "TW602",
    "error inside a successful answer",
    "blocks",
    source="https://docs.anthropic.com/en/docs/build-with-claude/streaming#error-events",
    right="A request that fails gets HTTP 4xx or 5xx before any byte of the body is sent; an answer that began with "
    "HTTP 200 comes to its end.",
    follows=("TW621", "TW624"),
)
def error_inside(view: View) -> Violations:
    """HTTP says 200 and the body says error. In a stream it cannot be otherwise once bytes are out; agents retry
    without knowing whether they should."""
    failure, status = view.response.failure, view.exchange.status
    if failure and status is not None and status < 400 and view.exchange.body.strip():
        yield f"HTTP {status}, then an error: {failure.message[:200]}", view.tail()


@rule(
    "TW603",
    "JSON that is none",
    "blocks",
    source="https://www.rfc-editor.org/rfc/rfc8259",
    right="The data of every event (but [DONE]) is one JSON object, and so is a whole answer; keep-alives are "
    "comments, lines that begin with a colon.",
    follows=("TW614",),
)
def bad_json(view: View) -> Violations:
    """An event, or the whole answer, cannot be read as JSON."""
    for detail, excerpt in view.repairs("bad-json"):
        yield "an event is no JSON object", excerpt or detail
    body = view.exchange.body
    if _whole_expected(view) and body.strip() and not isinstance(parse_json(body), dict):
        yield "the answer is no JSON object", body[:300].decode(errors="replace")


@rule(
    "TW604",
    "empty answer",
    "blocks",
    source="RooCodeInc/Roo-Code#674",
    right="HTTP 200 brings an answer; a server that has none, under load for instance, says HTTP 429 and how long to "
    "wait.",
    follows=("TW614", "TW607"),
)
def empty(view: View) -> Violations:
    """HTTP 200 and nothing in it, or keep-alives only."""
    if view.exchange.error is None and view.exchange.status == 200:
        if not view.exchange.body.strip():
            yield "the body is empty", ""
        elif view.exchange.streamed and not view.events:
            yield "the stream holds no event", view.tail()


@rule(
    "TW605",
    "stream or whole: not as asked",
    "blocks",
    source="https://platform.openai.com/docs/api-reference/chat",
    right='"stream": true gets server-sent events; "stream": false, or no such field, gets one JSON object.',
)
def mode(view: View) -> Violations:
    """The request asks for a stream and gets a whole answer, or the other way round."""
    if view.answered and view.exchange.body and bool(view.asked.get("stream")) != view.exchange.streamed:
        wanted = "a stream" if view.asked.get("stream") else "a whole answer"
        yield f"{wanted} was asked for, the other came", view.exchange.body[:200].decode(errors="replace")


@rule(
    "TW606",
    "wrong content type",
    "degrades",
    source=_SSE,
    right="A stream has the header content-type: text/event-stream, a whole answer content-type: application/json.",
)
def content_type(view: View) -> Violations:
    """A stream is text/event-stream, a whole answer application/json; some clients choose their reader by it."""
    if not view.answered or not view.exchange.body:
        return
    told = view.exchange.response_headers.get("content-type", "")
    wanted = "text/event-stream" if view.exchange.streamed else "application/json"
    if wanted not in told:
        yield f"content-type is {told or 'missing'}, the body is {wanted}", ""


@rule(
    "TW607",
    "sloppy event framing",
    "degrades",
    source=_SSE,
    right="Every event, the last one too, is lines such as data: {…} from the first column, its JSON on one line, and "
    "a blank line; the stream has no byte order mark.",
    follows=("TW614", "TW603", "TW312"),
)
def sse(view: View) -> Violations:
    """Lines that the grammar of server-sent events does not have: a field with a space before its name, an event
    without the blank line behind it, JSON over several data lines, a byte order mark."""
    if not view.exchange.streamed:
        return
    for detail, _ in view.repairs("unknown-sse-field"):
        yield f"a line begins with {detail!r}", detail
    for _ in view.repairs("no-final-blank-line"):
        yield "the last event lacks its blank line", view.tail()
    if view.exchange.body.startswith(b"\xef\xbb\xbf"):
        yield "the stream begins with a byte order mark", ""
    for event in view.events:
        if "\n" in event.data:
            yield "one JSON text is spread over several data lines", event.data


@rule(
    "TW608",
    "error without a message",
    "degrades",
    source="https://platform.openai.com/docs/guides/error-codes",
    right='The body of an error says what was wrong: {"error": {"type": "…", "message": "…"}}, in Messages with '
    '"type": "error" before it.',
    situation="refused-request",
    follows=("TW809",),
)
def envelope(view: View) -> Violations:
    """An error's body is no JSON object with ``error.message`` in it; agents show "unknown error" and cannot tell what
    to do."""
    if view.exchange.status is None or view.exchange.status < 400:
        return
    value = parse_json(view.exchange.body)
    error = value.get("error") if isinstance(value, dict) else None
    if not (isinstance(error, dict) and isinstance(error.get("message"), str) and error["message"]):
        yield f"HTTP {view.exchange.status} without error.message", view.tail()


@rule(
    "TW609",
    "request refused",
    "blocks",
    source="https://platform.openai.com/docs/guides/error-codes",
    right="The request gets an answer: all that agents send is understood, and a field that is unknown and changes "
    "nothing is passed over.",
    situation="refused-request",
    follows=("TW621", "TW623", "TW624", "TW626"),
)
def refused(view: View) -> Violations:
    """HTTP 400 or 422 on a request that an agent sends as it is. The agent cannot leave the field out; the trial ends
    here."""
    if view.exchange.status in (400, 422) and not _LIMIT.search(_message(view)):
        yield f"HTTP {view.exchange.status}: {_message(view)[:200]}", view.tail()


@rule(
    "TW610",
    "server error",
    "blocks",
    source="https://www.rfc-editor.org/rfc/rfc9110#section-15.6",
    right="The request gets an answer; one that is at fault gets HTTP 400 with the reason, and too much load is HTTP "
    "429 with Retry-After.",
    situation="refused-request",
    follows=("TW621", "TW622", "TW623", "TW624", "TW626"),
)
def server_error(view: View) -> Violations:
    """HTTP 5xx. Agents try the same again, several times, and then give up."""
    if view.exchange.status is not None and view.exchange.status >= 500:
        yield f"HTTP {view.exchange.status}: {_message(view)[:200]}", view.tail()


@rule(
    "TW611",
    "429 without Retry-After",
    "degrades",
    source="https://www.rfc-editor.org/rfc/rfc6585#section-4",
    right="HTTP 429 says how many seconds to wait: the header retry-after: 5.",
    situation="refused-request",
    follows=("TW623",),
)
def retry_after(view: View) -> Violations:
    """Too many requests, and nothing says how long to wait. An empty account, which some servers tell by the same
    status, is not mended by waiting."""
    exchange = view.exchange
    if exchange.status != 429 or {"retry-after", "retry-after-ms"} & set(exchange.response_headers):
        return
    refusal = classify(exchange.status, exchange.response_headers, exchange.body)
    if refusal and refusal.kind == "rate limited":
        yield "HTTP 429 without a retry-after header", ""


@rule(
    "TW612",
    "silence",
    "degrades",
    source="https://www.rfc-editor.org/rfc/rfc9110#section-15.6.5",
    right="A byte comes every few seconds, in a stream a comment such as the line : keep-alive while the model is "
    "busy; a whole answer comes within a minute.",
)
def silence(view: View) -> Violations:
    """No byte for a minute or more, not even a comment. Agents and proxies give up at 60 to 300 seconds."""
    times = [0.0, *(chunk.at for chunk in view.exchange.chunks)]
    longest = max((b - a for a, b in itertools.pairwise(times)), default=0.0)
    if longest >= SILENCE:
        yield f"silent for {longest:.0f} s", ""


@rule(
    "TW613",
    "no space after the colon",
    "degrades",
    source="aaif-goose/goose#7929",
    right="A space follows the colon: data: {…}, event: ping.",
)
def no_space(view: View) -> Violations:
    """Lines are ``data:{…}`` instead of ``data: {…}``. The grammar leaves the space to the server, but the readers of
    several agents look for it, drop every event, and show an empty answer. It costs nothing to send it."""
    if view.exchange.streamed and (found := _TIGHT.search(view.exchange.body)):
        yield f"no space follows {found[1].decode()}:", found.group().decode(errors="replace")


@rule(
    "TW614",
    "compressed, and no header says so",
    "degrades",
    source="router-for-me/CLIProxyAPI#1834",
    right="A compressed body has its header, content-encoding: gzip or zstd, and is for clients that accept it; "
    "others get plain bytes.",
)
def compressed(view: View) -> Violations:
    """The body is gzip or zstd and lacks ``content-encoding``: a proxy asked its upstream for compression and passed
    the bytes on as they came. Clients read an empty stream, without an error."""
    body, told = view.exchange.body, view.exchange.response_headers.get("content-encoding", "")
    if body.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd")) and told in ("", "identity"):
        yield "the body is compressed, and no header says so", body[:16].hex()


@rule(
    "TW615",
    "a time that is no whole number",
    "cosmetic",
    "chat",
    "responses",
    source="BoundaryML/baml#1746",
    right='Times are whole seconds: "created": 1744130612 (chat), "created_at": 1744130612 (Responses).',
    situation="client-library",
)
def fraction(view: View) -> Violations:
    """``created``, ``created_at`` or ``completed_at`` has a fraction. Typed clients that read a whole number there
    refuse the answer for it."""
    values = [(event.value, event.data) for event in view.events] or [(view.whole, view.tail())]
    for value, written in values:
        for holder in (value, as_dict(value.get("response"))):
            for name in ("created", "created_at", "completed_at"):
                if isinstance(holder.get(name), float):
                    yield f"{name} is a fraction", written


_TIGHT = re.compile(rb"^(data|event):[^\s][^\r\n]{0,300}", re.MULTILINE)
SILENCE = 60.0


def _message(view: View) -> str:
    return view.response.failure.message if view.response.failure else ""


def _whole_expected(view: View) -> bool:
    return view.exchange.status == 200 and not view.exchange.streamed and not view.asked.get("stream")


def _read_something(view: View) -> bool:
    """Whether any of it was an answer; garbage has a rule of its own."""
    return bool(view.events and any(event.value for event in view.events)) or bool(json.dumps(dict(view.whole)) != "{}")
