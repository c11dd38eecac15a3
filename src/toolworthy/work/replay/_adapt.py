"""Adapt a recorded request to another endpoint, and list the changes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from toolworthy import wire
from toolworthy.endpoint.target import Endpoint
from toolworthy.records.exchange import Exchange
from toolworthy.records.replay import Adaptation
from toolworthy.wire.ir import Api, Message, Part, Reasoning, Request, Thinking, ToolCall
from toolworthy.wire.lenient import dump_json

_KEPT = ("anthropic-", "openai-")
"""How headers begin that say what a request may hold."""
_OF_FORM = ("stream_options", "include")
"""Fields that say how the answer is to be written, which every API is told in its own way."""
_PLAIN_FORMS = ("reasoning_content", "reasoning")


@dataclass(frozen=True)
class Prepared:
    """A request, ready to be sent."""

    path: str
    body: bytes
    adapted: Adaptation
    headers: Mapping[str, str] = field(default_factory=dict)


def prepare(exchange: Exchange, request: Request, endpoint: Endpoint, provider: str) -> Prepared:
    """The recorded request, adapted to `endpoint`.

    Args:
        exchange: the recorded one.
        request: what its agent asked, in the neutral form.
        endpoint: who is to be asked.
        provider: of the recorded endpoint; empty where that is not known.
    """
    assert exchange.agent_api is not None
    recorded = exchange.endpoint_api or exchange.agent_api
    related = provider == endpoint.provider.id
    if related and recorded in endpoint.base_urls and endpoint.forced_api in (None, recorded):
        body = (exchange.translated and exchange.upstream_body) or exchange.request_body
        changed = body if wire.api(recorded).in_path else with_model(body, endpoint.model)
        if changed is not None:
            return _as_recorded(exchange, recorded, changed, replace(request, model=endpoint.model), request.model)
    return _adapted(exchange.agent_api, recorded, request, endpoint, related)


def with_model(body: bytes, model: str) -> bytes | None:
    """`body` with the value of its top-level ``model`` replaced and no other byte touched; None where it has none."""
    try:
        text = body.decode()
        spans = list(_model_spans(text))
    except (ValueError, RecursionError):
        return None
    for start, end in reversed(spans):
        text = text[:start] + json.dumps(model) + text[end:]
    return text.encode() if spans else None


def _as_recorded(exchange: Exchange, api: Api, body: bytes, request: Request, before: str) -> Prepared:
    path = wire.api(api).sent({"model": request.model, "stream": request.stream})[0]
    recorded_headers: Mapping[str, str] = {}
    if not exchange.translated:
        _, mark, query = exchange.path.partition("?")
        recorded_headers, path = exchange.request_headers, path.partition("?")[0] + mark + query
    headers = {name: value for name, value in recorded_headers.items() if name.lower().startswith(_KEPT)}
    notes = (f"model {request.model} instead of the recorded one",) if request.model != before else ()
    adapted = Adaptation(how="as recorded", recorded_api=api, api=api, notes=notes)
    return Prepared(path, body, adapted, headers)


def _adapted(agent: Api, recorded: Api, request: Request, endpoint: Endpoint, related: bool) -> Prepared:
    api = endpoint.api_for(agent)
    wanted = replace(request, model=endpoint.model)
    if not related:
        wanted = replace(wanted, messages=tuple(_without_seals(wanted.messages, api, endpoint)))
    rendered = wire.api(api).render_request(wanted, endpoint.dialect)
    sent = wire.api(api).parse_request(rendered.body)
    dropped = sorted(name for name in request.extra if name not in rendered.body and name not in _OF_FORM)
    notes = [*rendered.losses, *_changes(request, sent)]
    if dropped:
        notes.append(f"fields not carried: {', '.join(dropped)}")
    adapted = Adaptation(how="adapted", recorded_api=recorded, api=api, notes=tuple(dict.fromkeys(notes)))
    path, body = wire.api(api).sent(rendered.body)
    return Prepared(path, dump_json(body).encode(), adapted)


def _model_spans(text: str) -> Iterator[tuple[int, int]]:
    """Where the value of every top-level ``model`` begins and ends.

    Raises:
        ValueError: `text` is no JSON object.
    """
    scan = json.JSONDecoder().raw_decode
    at = _past(text, 0, "{")
    while text[at : at + 1] != "}":
        name, at = scan(text, at)
        at = _past(text, at, ":")
        _, end = scan(text, at)
        if name == "model":
            yield at, end
        at = _past(text, end, ",") if text[_blank(text, end)] == "," else _blank(text, end)
        if text[at : at + 1] not in ('"', "}"):
            raise ValueError("no JSON object")


def _past(text: str, at: int, mark: str) -> int:
    """The first place after `mark`, which must be at `at`, and after the blanks around it."""
    at = _blank(text, at)
    if text[at : at + 1] != mark:
        raise ValueError(f"no {mark}")
    return _blank(text, at + 1)


def _blank(text: str, at: int) -> int:
    while text[at : at + 1] in ("\ufeff", " ", "\t", "\r", "\n") and at < len(text):
        at += 1
    if at >= len(text):
        raise ValueError("cut short")
    return at


# ---- another provider ------------------------------------------------------------------------------------------------


def _without_seals(messages: tuple[Message, ...], api: Api, endpoint: Endpoint) -> Iterator[Message]:
    """Messages without what only the recorded provider can read: signatures of reasoning, ids of items."""
    for message in messages:
        parts = tuple(kept for part in message.parts if (kept := _without_seal(part, api, endpoint)) is not None)
        if parts:
            yield replace(message, parts=parts)


def _without_seal(part: Part, api: Api, endpoint: Endpoint) -> Part | None:
    if isinstance(part, ToolCall):
        return replace(part, item_id=None)
    if not isinstance(part, Thinking):
        return part
    if not part.text:
        return None
    wanted = endpoint.dialect.reasoning_field
    form = wanted if part.form in _PLAIN_FORMS and wanted in _PLAIN_FORMS else part.form
    if part.form == "reasoning_details":  # of no use without the details that the signature holds
        form = "reasoning_content"
    return Thinking(part.text, form)  # type: ignore[arg-type]


# ---- what changed, told by reading again what is sent ----------------------------------------------------------------


def _changes(before: Request, after: Request) -> Iterator[str]:
    yield from _reasoning_forms(before, after)
    if _wish(before.reasoning) != _wish(after.reasoning):
        yield f"thinking: {_wish(before.reasoning)} became {_wish(after.reasoning)}"
    offered, carried = len(before.tools), len(after.tools)
    if offered != carried:
        yield f"{offered} tools became {carried}"
    if before.tools and before.tool_choice and before.tool_choice != after.tool_choice:
        now = after.tool_choice.mode if after.tool_choice else "unsaid"
        yield f"tool_choice {before.tool_choice.mode} became {now}"
    for name in ("max_tokens", "temperature", "top_p", "parallel_tool_calls"):
        old, new = getattr(before, name), getattr(after, name)
        if old != new and not (name == "parallel_tool_calls" and new is None and old is True):
            yield f"{name} {_or_unset(old)} became {_or_unset(new)}"
    if (before.response_format is None) != (after.response_format is None):
        yield "response_format not carried"


def _reasoning_forms(before: Request, after: Request) -> Iterator[str]:
    """How the reasoning of earlier turns is told now."""
    old, new = _forms(before), _forms(after)
    if not old or old == new:
        return
    were = " and ".join(sorted(old))
    kept = sum(new.values())
    if not kept:
        yield f"earlier reasoning ({were}) not carried"
    elif set(old) != set(new):
        yield f"earlier reasoning: {were} became {' and '.join(sorted(new))}"
    if 0 < kept < sum(old.values()):
        yield "some earlier reasoning not carried"


def _forms(request: Request) -> Counter[str]:
    return Counter(
        part.form for message in request.messages for part in message.parts if isinstance(part, Thinking) and part.text
    )


def _wish(reasoning: Reasoning | None) -> str:
    """A wish to think in words."""
    if reasoning is None:
        return "unsaid"
    words = {True: "on", False: "off", None: ""}[reasoning.enabled]
    budget = f"{reasoning.budget_tokens} tokens" if reasoning.budget_tokens else ""
    return " ".join(filter(None, (words, reasoning.effort, budget))) or "unsaid"


def _or_unset(value: object) -> str:
    return "unsaid" if value is None else str(value)
