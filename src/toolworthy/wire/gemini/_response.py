"""Read Gemini responses (a whole one is a stream of one chunk), and write whole ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from toolworthy.wire import ir, shapes
from toolworthy.wire._decoder import SseDecoder
from toolworthy.wire.assemble import assemble, disassemble
from toolworthy.wire.failure import answer_failure, failure_of
from toolworthy.wire.gemini import _signatures as signs
from toolworthy.wire.gemini._request import write_call
from toolworthy.wire.lenient import as_arguments, as_dict, as_int, as_list, as_str

STOPS: dict[str, ir.StopReason] = {
    "STOP": "end",
    "MAX_TOKENS": "length",
    "SAFETY": "filter",
    "RECITATION": "filter",
    "LANGUAGE": "filter",
    "BLOCKLIST": "filter",
    "PROHIBITED_CONTENT": "filter",
    "SPII": "filter",
    "IMAGE_SAFETY": "filter",
    "IMAGE_PROHIBITED_CONTENT": "filter",
    "IMAGE_RECITATION": "filter",
    "NO_IMAGE": "error",
    "IMAGE_OTHER": "error",
    "OTHER": "error",
    "MALFORMED_FUNCTION_CALL": "error",
    "UNEXPECTED_TOOL_CALL": "error",
    "TOO_MANY_TOOL_CALLS": "error",
    "MISSING_THOUGHT_SIGNATURE": "error",
    "MALFORMED_RESPONSE": "error",
}
"""Why an answer ended; one with a call ends with STOP, too."""
_WORDS: dict[ir.StopReason, str] = {"length": "MAX_TOKENS", "filter": "SAFETY", "refusal": "SAFETY", "error": "OTHER"}
_ANSWER = ("candidates", "promptFeedback", "usageMetadata")
_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
    529: "UNAVAILABLE",
}
"""HTTP status and the word for it (google.rpc.Code)."""
_KINDS = {"invalid_request_error": 400, "not_found_error": 404, "rate_limit_error": 429, "overloaded_error": 503}


class GeminiDecoder(SseDecoder):
    """Reads an event stream. Text of neighbouring parts is one part, unless one of them is signed."""

    unfinished = "no-finish-reason"

    def __init__(self) -> None:
        super().__init__()
        self._called = False
        self._reason: tuple[ir.StopReason, str] | None = None
        self._open: tuple[int, bool] | None = None
        """Index of the open part, and whether it is a thought."""
        self._count = 0

    def _event(self, name: str | None, value: Mapping[str, Any]) -> Iterator[ir.Event]:
        if failure := answer_failure(value):
            yield ir.Failed(failure)
            return
        yield from self._start({"id": value.get("responseId"), "model": value.get("modelVersion")})
        candidates = [as_dict(item) for item in as_list(value.get("candidates"))]
        candidate = next((item for item in candidates if not item.get("index")), {})
        parts = [as_dict(part) for part in as_list(as_dict(candidate.get("content")).get("parts"))]
        if self._reason and any(part.get("text") != "" for part in parts):
            self._repair("early-finish", self._reason[1])
        for number, part in enumerate(parts):
            yield from self._part(part, (value, number))
        raw = candidate.get("finishReason") or as_dict(value.get("promptFeedback")).get("blockReason")
        if isinstance(raw, str) and raw:
            blocked = not candidate.get("finishReason")
            self._reason = ("filter" if blocked else STOPS.get(raw, "unknown")), raw
        if usage := parse_usage(value.get("usageMetadata")):
            yield ir.Counted(usage)

    def _rest(self) -> Iterator[ir.Event]:
        yield from self._close()
        if self._reason:
            self._done = True
            reason, raw = self._reason
            yield from self._stop("tool" if reason == "end" and self._called else reason, raw)

    def _part(self, part: Mapping[str, Any], seed: tuple[Any, int]) -> Iterator[ir.Event]:
        signature = as_str(part.get("thoughtSignature"))
        mark = signature if signature and signs.given(signature) and not signs.read(signature) else None
        if isinstance(part.get("functionCall"), dict):
            yield from self._close()
            yield from self._call(part["functionCall"], mark, seed)
        elif isinstance(part.get("text"), str):
            yield from self._text(part["text"], bool(part.get("thought")), mark)
        else:
            yield from self._close()
            yield from self._whole(ir.Opaque("gemini", part))

    def _call(self, value: Mapping[str, Any], mark: str | None, seed: tuple[Any, int]) -> Iterator[ir.Event]:
        args = value.get("args")
        if args is not None and not isinstance(args, dict):
            self._repair("arguments-not-object", type(args).__name__)
        call = ir.ToolCall(as_str(value.get("id")) or signs.made_id(*seed, self._count), as_str(value.get("name")), "")
        if mark:
            yield from self._whole(ir.Thinking("", "thought", mark, call.id))
        self._called = True
        yield from self._whole(call, as_arguments({} if args is None else args))

    def _text(self, text: str, thought: bool, mark: str | None) -> Iterator[ir.Event]:
        if self._open and self._open[1] != thought:
            yield from self._close()
        if text or (thought and mark):
            if not self._open:
                self._open = self._count, thought
                yield ir.PartOpened(self._next(), ir.Thinking("", "thought") if thought else ir.Text(""))
            yield ir.PartDelta(self._open[0], text)
        if mark:
            yield from self._close(mark if thought else None)
            if not thought:
                yield from self._whole(ir.Thinking("", "thought", mark))

    def _whole(self, part: ir.Thinking | ir.ToolCall | ir.Opaque, text: str = "") -> Iterator[ir.Event]:
        index = self._next()
        yield ir.PartOpened(index, part)
        if text:
            yield ir.PartDelta(index, text)
        yield ir.PartClosed(index)

    def _close(self, signature: str | None = None) -> Iterator[ir.Event]:
        if self._open:
            yield ir.PartClosed(self._open[0], signature)
            self._open = None

    def _next(self) -> int:
        self._count += 1
        return self._count - 1


def parse_response(body: Any) -> ir.Response:
    """Read a whole answer, or the array of chunks that a stream is without ``alt=sse``. Anything else becomes a
    Response with a failure."""
    values = [as_dict(value) for value in (body if isinstance(body, list) else [body])]
    if not any(name in value for value in values for name in _ANSWER):
        failure = failure_of(body) or ir.Failure("the response has no candidates", "invalid_response")
        return ir.Response(failure=failure, complete=False)
    decoder = GeminiDecoder()
    events = [event for value in values for event in decoder._event(None, value)]
    return assemble([*events, *decoder._rest()], tuple(decoder.repairs))


def parse_usage(value: Any) -> ir.Usage | None:
    """Read a usage object. This API counts thoughts separately; the neutral form counts all output."""
    usage = as_dict(value)
    if not usage:
        return None
    prompt, tools = as_int(usage.get("promptTokenCount")), as_int(usage.get("toolUsePromptTokenCount"))
    candidates, thought = as_int(usage.get("candidatesTokenCount")), as_int(usage.get("thoughtsTokenCount"))
    return ir.Usage(
        input=None if prompt is None else prompt + (tools or 0),
        output=None if candidates is None and thought is None else (candidates or 0) + (thought or 0),
        cached=as_int(usage.get("cachedContentTokenCount")),
        reasoning=thought,
    )


def write_usage(usage: ir.Usage) -> dict[str, int]:
    """A usage object in this API's form."""
    input_tokens, output_tokens, thought = usage.input or 0, usage.output or 0, usage.reasoning or 0
    out = {
        "promptTokenCount": input_tokens,
        "candidatesTokenCount": max(0, output_tokens - thought),
        "totalTokenCount": input_tokens + output_tokens,
    }
    if usage.cached is not None:
        out["cachedContentTokenCount"] = usage.cached
    return out | ({"thoughtsTokenCount": thought} if thought else {})


class Writer:
    """Converts events to parts. A call is written whole, and signed if reasoning came before it; a call whose arguments
    are not an object is held until the end, which shows whether it was truncated."""

    def __init__(self) -> None:
        self._parts: dict[int, ir.Part] = {}
        self._texts: dict[int, list[str]] = {}
        self._marks: dict[str, str] = {}
        self._others: list[ir.Thinking] = []
        """Reasoning of another API, to be carried by the next call."""
        self._broken: list[dict[str, Any]] = []

    def parts(self, event: ir.PartOpened | ir.PartDelta | ir.PartClosed) -> list[dict[str, Any]]:
        """The parts that can be sent now."""
        match event:
            case ir.PartOpened(index, part):
                self._parts[index], self._texts[index] = part, []
                text = part.text if isinstance(part, ir.Text | ir.Thinking) else ""
                return self._grown(index, text)
            case ir.PartDelta(index, text):
                self._texts.setdefault(index, []).append(text)
                return self._grown(index, text)
            case ir.PartClosed(index, signature):
                return self._closed(index, signature)

    def rest(self, stop: ir.StopReason | None) -> list[dict[str, Any]]:
        """The remaining parts at the end: calls that did not end, or whose arguments are not an object, unless the
        token limit truncated them; and reasoning that no call carried."""
        out = [part for index in list(self._parts) for part in self._closed(index, None)]
        out = [] if stop == "length" else [*out, *self._broken]
        return [*out, {"text": "", "thoughtSignature": self._carried()}] if self._others else out

    def _grown(self, index: int, text: str) -> list[dict[str, Any]]:
        part = self._parts.get(index)
        if not text or not isinstance(part, ir.Text | ir.Thinking):
            return []
        return [{"text": text} | ({"thought": True} if isinstance(part, ir.Thinking) else {})]

    def _closed(self, index: int, signature: str | None) -> list[dict[str, Any]]:
        part, text = self._parts.pop(index, None), "".join(self._texts.pop(index, []))
        match part:
            case ir.ToolCall():
                mark = self._carried() if self._others else self._marks.get(part.id)
                whole = ir.ToolCall(part.id, part.flat_name, part.arguments + text, part.custom)
                made = write_call(whole, mark)
                if shapes.UNPARSED not in made["functionCall"]["args"]:
                    return [made]
                self._broken.append(made)
                return []
            case ir.Thinking(form="thought"):
                return self._signed(ir.Thinking(part.text + text, "thought", signature or part.signature, part.id))
            case ir.Thinking():
                self._others.append(ir.Thinking(part.text + text, part.form, signature or part.signature, part.id))
                return []
            case ir.Opaque(api="gemini"):
                return [dict(part.value)]
            case _:
                return []

    def _signed(self, thought: ir.Thinking) -> list[dict[str, Any]]:
        if thought.signature is None:
            return []
        if thought.id and not thought.text:
            self._marks[thought.id] = thought.signature
            return []
        kind = {"thought": True} if thought.text else {}
        return [{"text": "", **kind, "thoughtSignature": thought.signature}]

    def _carried(self) -> str:
        mark, self._others = signs.signed(self._others), []
        return mark


def answer(
    head: Mapping[str, Any], parts: Sequence[Mapping[str, Any]], stop: str | None, usage: ir.Usage | None
) -> dict[str, Any]:
    """One chunk, or a whole answer."""
    candidate: dict[str, Any] = {"content": {"parts": list(parts), "role": "model"}, "index": 0}
    if stop:
        candidate["finishReason"] = stop
    counted = {"usageMetadata": write_usage(usage)} if usage else {}
    return {"candidates": [candidate], **counted, **head}


def finish_reason(stop: ir.StopReason) -> str:
    """The ``finishReason`` for a neutral reason."""
    return _WORDS.get(stop, "STOP")


def render_response(response: ir.Response, request: ir.Request) -> dict[str, Any]:
    """Write a whole answer for an agent that speaks Gemini."""
    writer = Writer()
    events = [
        event for event in disassemble(response) if isinstance(event, ir.PartOpened | ir.PartDelta | ir.PartClosed)
    ]
    parts = [part for event in events for part in writer.parts(event)] + writer.rest(response.stop)
    head = {"modelVersion": response.model or request.model, "responseId": response.id or "response_0"}
    return answer(head, parts or [{"text": ""}], finish_reason(response.stop or "end"), response.usage)


def render_error(failure: ir.Failure) -> dict[str, Any]:
    """An error body in Google's envelope."""
    status = failure.status or _KINDS.get(failure.type, 500)
    word = _STATUS.get(status) or ("INVALID_ARGUMENT" if status < 500 else "INTERNAL")
    code = failure.code if failure.code in _STATUS.values() else word
    return {"error": {"code": status, "message": failure.message, "status": code}}


def render_models(model: str, context: int | None) -> dict[str, Any]:
    """A list of one model."""
    entry: dict[str, Any] = {"name": f"models/{model}", "version": "001", "displayName": model}
    entry |= {"inputTokenLimit": context} if context else {}
    return {"models": [{**entry, "supportedGenerationMethods": ["generateContent", "countTokens"]}]}
