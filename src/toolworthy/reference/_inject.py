"""Apply a defect to a response: to its content, its JSON, its bytes."""

from __future__ import annotations

import copy
import gzip
import hashlib
import json
import re
from dataclasses import replace
from typing import Any, Literal

from pydantic import Field

from toolworthy.base.loading import Strict
from toolworthy.reference import _texts as texts
from toolworthy.reference._paths import places
from toolworthy.reference._triggers import Sign
from toolworthy.reference.model import Reply
from toolworthy.wire.ir import Part, Request, Response, StopReason, Text, Thinking, ToolCall, Usage
from toolworthy.wire.lenient import dump_json, parse_json
from toolworthy.wire.sse import events, format_event


class Saying(Strict):
    """A change of the content of a response."""

    only_calls: str | None = None
    """Only responses with a call whose arguments match this pattern; empty: any call."""
    only_stop: StopReason | None = None
    """Only responses with this end."""
    stop: Literal["end", "tool", "length", "error", "none"] | None = None
    calls: Literal["drop", "leak", "think", "first"] | None = None
    """How calls are changed: omitted, written into the text or the reasoning by `form`, or only the first kept."""
    only: Literal["custom", "namespaced"] | None = None
    """Only calls of such tools are changed."""
    add: str = ""
    """Name of one more call, without arguments."""
    form: str = ""
    """A call as text: ``{name}`` and ``{arguments}`` are filled in, and ``{each}`` argument by the next two."""
    each: str = ""
    """One argument in `form`: ``{key}``, ``{value}`` (a string bare) and ``{json}`` are filled in."""
    between: str = "\n"
    """What is between two of them."""
    arguments: (
        Literal[
            "cut", "cut-brace", "close", "empty", "none", "stringify", "wrap", "shuffle", "escape", "replace", "void"
        ]
        | None
    ) = None
    """``close`` completes truncated ones; ``escape`` escapes all but ASCII; ``void``: the arguments of a call without
    any are not text."""
    lose: Literal["last-brace", "after-empty"] | None = None
    """The part of the arguments that is lost: the last brace if no string precedes it, or all arguments after a call
    without any."""
    argument_text: str = ""
    """Appended to the arguments; for ``replace``, instead of them."""
    argument_swap: texts.Swaps = ()
    """Replacements in the arguments' JSON text."""
    value_swap: texts.Swaps = ()
    """Replacements in each string of the arguments."""
    id: Literal["empty", "same"] | None = None
    id_form: str = ""
    """Every call's id: ``{name}``, ``{index}`` (in the answer), ``{number}`` (in the conversation) and ``{hash}`` (9
    characters) are filled in. Also where `when` does not hold."""
    name: str | None = None
    """Replaces every call's name."""
    text: str | None = None
    """Replaces the text; empty: no text."""
    before: str = ""
    """Inserted before the text."""
    text_swap: texts.Swaps = ()
    """Replacements in the text."""
    stop_string: bool = False
    """The text keeps the stop string that ended it."""
    think: Literal["tags", "only", "drop"] | None = None
    """Reasoning in tags within the text, nothing but reasoning, or none."""
    usage: Literal["none", "zero", "gross", "net", "uncached", "one"] | None = None
    """``gross``: cached input is counted as plain input, too; ``net``: it is not; ``uncached``: no input was cached;
    ``one``: a single output token is counted."""


class Edit(Strict):
    """A change of the sent JSON: of a stream's events, or of a whole response."""

    type: str | None = None
    """Only events of this type; ``[DONE]`` is chat's end marker."""
    has: str | None = None
    """Only events with this path."""
    match: str = ""
    """Only if the value there, as text, matches this pattern."""
    lacks: str | None = None
    """Only events without this path."""
    which: Literal["all", "first", "rest", "last"] = "all"
    set: dict[str, Any] = Field(default_factory=dict)
    null: tuple[str, ...] = ()
    delete: tuple[str, ...] = ()
    shift: dict[str, int] = Field(default_factory=dict)
    """Added to the numbers there."""
    join: str | None = None
    """Path whose texts or arrays, from all these events, are joined in the first of them."""
    carry: str | None = None
    """Path whose value is copied into the later ones of these events."""
    per: tuple[str, ...] = ()
    """For `join` and `carry`: only events with the same values here belong together."""
    count: str | None = None
    """Path whose values get numbers that differ for each event; existing numbers are increased."""
    text: bool = False
    """Values in `set` become the JSON text of the present value."""
    drop: bool = False
    repeat: bool = False
    name: str | None = None
    """The SSE field ``event``; empty for none."""
    lift: str | None = None
    """Path of the value that is sent instead of the event's JSON."""
    before: str | None = None
    after: str | None = None
    """Data of an additional event; ``{index}`` and the like are values of the neighbouring event."""
    until: str = ""
    """The event is delayed until the next event whose JSON matches this pattern."""
    renumber: bool = False
    """Sequence numbers are renumbered."""


class Bytes(Strict):
    """A change of the bytes."""

    prefix: str = ""
    suffix: str = ""
    swap: tuple[tuple[str, str], ...] = ()
    """Patterns and their replacements, in every event's bytes."""
    keep: float = 1.0
    """Share of the pieces that are sent."""
    wait: float = 0.0
    """Seconds of silence."""
    wait_for: str = ""
    """Pattern of the bytes before which the silence is; empty: before everything, including headers."""
    status: int | None = None
    content_type: str | None = None
    split: int = 0
    """Sent in pieces of so many bytes, regardless of boundaries."""
    gzip: bool = False
    """Compressed, without a header for it."""
    body: str | None = None
    """Replaces the whole body."""


# ---- content ---------------------------------------------------------------------------------------------------------


def said(say: Saying, answer: Response, request: Request) -> Response:
    """The response with its content changed."""
    made = [part for part in answer.parts if isinstance(part, ToolCall)]
    if not _fits(say, answer):
        return answer
    calls = [call for call in made if _meant(say, call, request)]
    if say.only and not calls:
        return answer
    text = "".join(part.text for part in answer.parts if isinstance(part, Text))
    thought = "".join(part.text for part in answer.parts if isinstance(part, Thinking))
    leaked = (
        "\n".join(texts.written(call, say.form, say.each, say.between) for call in calls)
        if say.calls in ("leak", "think")
        else ""
    )
    if say.calls == "leak":
        text += leaked
    if say.calls == "think":
        thought += leaked
    kept = calls[:1] if say.calls == "first" else [] if say.calls else calls
    if say.text is not None and (calls or not say.calls):
        text = say.text
    if say.think == "tags":
        text, thought = f"<think>{thought or 'I should look first.'}</think>{text}", ""
    text = say.before + texts.swapped(say.text_swap, text)
    if say.stop_string:
        text = texts.with_stop_string(text, request.stop, answer.stop == "stop_sequence") or text
    parts: list[Part] = []
    if say.think == "only":
        text, kept, thought = "", [], thought or text or "I should look first."
    if thought and say.think != "drop":
        parts.append(Thinking(thought, "reasoning_content"))
    parts += [Text(text)] if text else []
    before = sum(isinstance(part, ToolCall) for message in request.messages for part in message.parts)
    parts += [call for call in made if call not in calls]
    parts += [_changed(say, call, number, before) for number, call in enumerate(_lost(say, kept))]
    parts += [ToolCall("call_added", say.add, "{}")] if say.add else []
    stop: StopReason | None = answer.stop
    if say.stop is not None:
        stop = None if say.stop == "none" else say.stop
    elif say.calls in ("drop", "leak", "think") and len(calls) == len(made):
        stop = "end"
    return replace(answer, parts=tuple(parts), stop=stop, raw_stop=None, usage=_counted(say, answer.usage))


def _counted(say: Saying, usage: Usage | None) -> Usage | None:
    if usage is None or say.usage == "none":
        return None
    if say.usage in ("uncached", "one"):
        return replace(usage, cached=0) if say.usage == "uncached" else replace(usage, output=1)
    if say.usage in ("gross", "net"):
        cached = (usage.cached or 0) * (1 if say.usage == "gross" else -1)
        return replace(usage, input=(usage.input or 0) + cached)
    return Usage(input=0, output=0) if say.usage == "zero" else usage


def _fits(say: Saying, answer: Response) -> bool:
    """Whether the response meets the conditions."""
    if say.only_calls is not None and not any(re.search(say.only_calls, call.arguments) for call in answer.calls):
        return False
    return say.only_stop in (None, answer.stop)


def _meant(say: Saying, call: ToolCall, request: Request) -> bool:
    if say.only is None:
        return True
    tool = next((tool for tool in request.tools if call.name in (tool.name, tool.flat_name)), None)
    return tool is not None and (tool.custom if say.only == "custom" else tool.namespace is not None)


def _lost(say: Saying, calls: list[ToolCall]) -> list[ToolCall]:
    if say.lose == "last-brace":
        return [
            call if call.arguments.endswith(('"}', "{}")) else replace(call, arguments=call.arguments[:-1])
            for call in calls
        ]
    if say.lose == "after-empty":
        empty = next((number for number, call in enumerate(calls) if call.arguments in ("", "{}")), len(calls))
        return [replace(call, arguments="") if number > empty else call for number, call in enumerate(calls)]
    return calls


def _changed(say: Saying, call: ToolCall, number: int, before: int) -> ToolCall:
    call_id = "" if say.id == "empty" else "call_1" if say.id == "same" else call.id
    if say.id_form:
        digest = hashlib.sha256(call.id.encode()).hexdigest()[:9]
        call_id = say.id_form.replace("{name}", call.name).replace("{hash}", digest)
        call_id = call_id.replace("{index}", str(number)).replace("{number}", str(before + number))
    name = call.name if say.name is None else say.name
    arguments = texts.arguments(say.arguments, call.arguments, number, say.argument_text)
    if say.value_swap and (value := parse_json(arguments)) is not None:
        arguments = dump_json(texts.swapped_values(say.value_swap, value))
    behind = "" if say.arguments == "replace" else say.argument_text
    return replace(call, id=call_id, name=name, arguments=texts.swapped(say.argument_swap, arguments) + behind)


# ---- JSON and bytes --------------------------------------------------------------------------------------------------


def edited(edits: tuple[Edit, ...], made: Reply) -> tuple[bytes, ...]:
    """A whole response's JSON, edited."""
    value = parse_json(made.body)
    for edit in edits:
        if edit.type is None and _concerns(edit, None, value):
            _apply(edit, value, 0)
    return (dump_json(value).encode(),)


def edited_stream(edits: tuple[Edit, ...], made: Reply) -> tuple[bytes, ...]:
    """A stream's events, edited."""
    sent: list[tuple[str | None, Any]] = [
        (event.event, parse_json(event.data) if event.data != "[DONE]" else "[DONE]") for event in events(made.body)
    ]
    for edit in edits:
        sent = _pass(edit, sent)
    return tuple(
        format_event(value if isinstance(value, str) else dump_json(value), name or None) for name, value in sent
    )


def _pass(edit: Edit, sent: list[tuple[str | None, Any]]) -> list[tuple[str | None, Any]]:
    hits = [number for number, (name, value) in enumerate(sent) if _concerns(edit, name, value)]
    chosen = {"all": hits, "first": hits[:1], "rest": hits[1:], "last": hits[-1:]}[edit.which]
    out: list[tuple[str | None, Any]] = []
    held: list[tuple[str | None, Any]] = []
    gone = _joined(edit, [sent[number][1] for number in chosen])
    for number, (name, value) in enumerate(sent):
        if number in chosen and gone[chosen.index(number)]:
            continue
        if held and re.search(edit.until, dump_json(value)):
            out, held = [*out, *held], []
        if number not in chosen:
            out.append((name, value))
            continue
        if edit.until:
            held.append((name, value))
            continue
        if edit.before is not None:
            out.append(_beside(edit.before, name, value))
        if not edit.drop:
            _apply(edit, value, number)
            named = name if edit.name is None else edit.name
            value = next((container[k] for container, k in places(value, edit.lift)), value) if edit.lift else value
            out += [(named, value), (named, copy.deepcopy(value))][: 2 if edit.repeat else 1]
        if edit.after is not None:
            out.append(_beside(edit.after, name, value))
    return _renumbered(out) if edit.renumber else out


def _beside(text: str, name: str | None, value: Any) -> tuple[str | None, str]:
    """An additional event; it has its type as a name if its neighbour has a name."""
    for key, known in value.items() if isinstance(value, dict) else ():
        if isinstance(known, (str, int)):
            text = text.replace(f"{{{key}}}", str(known))
    event = parse_json(text)
    return (event.get("type") if name and isinstance(event, dict) else None), text


def _renumbered(sent: list[tuple[str | None, Any]]) -> list[tuple[str | None, Any]]:
    out: list[tuple[str | None, Any]] = []
    for name, value in sent:
        event = parse_json(value) if isinstance(value, str) else value
        out.append((name, {**event, "sequence_number": len(out)} if isinstance(event, dict) else value))
    return out


def _joined(edit: Edit, values: list[Any]) -> list[bool]:
    """Apply `join` and `carry`. Returns for each value whether it was joined to another."""
    first: dict[str, Any] = {}
    gone: list[bool] = []
    for value in values:
        key = json.dumps([[container[k] for container, k in places(value, path)] for path in edit.per])
        base = first.setdefault(key, value)
        gone.append(edit.join is not None and base is not value)
        if base is not value and edit.join:
            for (into, k), (container, other) in zip(places(base, edit.join), places(value, edit.join), strict=False):
                into[k] = into[k] + container[other]
        if base is not value and edit.carry:
            known = [container[k] for container, k in places(base, edit.carry)]
            _apply(Edit(set={edit.carry: known[0]} if known else {}), value, 0)
    return gone


def _concerns(edit: Edit, name: str | None, value: Any) -> bool:
    if edit.type is not None:
        kind = value if isinstance(value, str) else value.get("type") or name
        if kind != edit.type:
            return False
    if edit.lacks is not None and next(places(value, edit.lacks), None) is not None:
        return False
    return edit.has is None or Sign(has=edit.has, match=edit.match).holds(value)


def _apply(edit: Edit, value: Any, number: int) -> None:
    for path, new in edit.set.items():
        parent, _, key = path.rpartition(".")
        holders = [container[k] for container, k in places(value, parent)] if parent else [value]
        for holder in holders:
            read = parse_json(holder[key]) if edit.text and isinstance(holder, dict) else copy.deepcopy(new)
            _put(holder, key, holder[key] if edit.text and read is None else read)
    for path in edit.null:
        for container, key in places(value, path):
            container[key] = None
    for path in edit.delete:
        for container, key in list(places(value, path)):
            del container[key]
    for path, step in edit.shift.items():
        for container, key in places(value, path):
            container[key] += step
    if edit.count:
        for container, key in places(value, edit.count):
            old = container[key]
            container[key] = old + number if isinstance(old, int) else f"{old}{number}"


def _put(holder: Any, key: str, value: Any) -> None:
    """Put `value` into an object, or, with the key ``+``, at the end of an array."""
    if isinstance(holder, dict):
        holder[key] = value
    elif isinstance(holder, list) and key == "+":
        holder.append(value)


def rewritten(change: Bytes, made: Reply) -> Reply:
    """The bytes, changed."""
    pieces = list(made.pieces[: max(1, int(len(made.pieces) * change.keep))])
    if change.keep < 1 and len(made.pieces) == 1:
        pieces = [made.body[: int(len(made.body) * change.keep)]]
    for old, new in change.swap:
        pieces = [
            re.sub(old, new, piece.decode(), flags=re.DOTALL).encode("utf-8", "surrogatepass") for piece in pieces
        ]
    if change.body is not None:
        pieces = [change.body.encode()]
    pieces = [change.prefix.encode(), *pieces, change.suffix.encode()]
    pieces = [piece for piece in pieces if piece]
    if change.gzip:
        pieces = [gzip.compress(b"".join(pieces), mtime=0)]
    if change.split:
        whole = b"".join(pieces)
        pieces = [whole[start : start + change.split] for start in range(0, len(whole), change.split)]
    at = next((i for i, piece in enumerate(pieces) if re.search(change.wait_for, piece.decode(errors="replace"))), 0)
    status = change.status or made.status
    kind = change.content_type or made.content_type
    return replace(made, status=status, content_type=kind, pieces=tuple(pieces), wait=change.wait, wait_at=at)
