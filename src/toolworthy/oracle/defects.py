"""Real defects of real endpoints, as data: what the oracle does to a correct answer to show one.

A row of ``fixtures/defects/*.toml`` spoils an answer in up to four places: it refuses the request, changes what is
said, edits the JSON that is sent, or the bytes.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from toolworthy import content
from toolworthy.errors import UserError
from toolworthy.oracle.reply import JSON, STREAM, Reply
from toolworthy.wire.ir import Api, Part, Request, Response, StopReason, Text, Thinking, ToolCall, Usage
from toolworthy.wire.lenient import dump_json, parse_json
from toolworthy.wire.sse import SseParser, format_event


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Refusal(_Strict):
    """The endpoint does not take a request that it should take."""

    has: str
    """Path in the request's JSON that sets it off."""
    equal: str | int | bool | None = None
    """Only where the value there is this."""
    status: int = 400
    body: str
    """What it answers."""

    def holds(self, value: Mapping[str, Any]) -> bool:
        """Whether the request is refused."""
        found = [container[key] for container, key in places(value, self.has)]
        return bool(found) if self.equal is None else self.equal in found


class Saying(_Strict):
    """What is said instead of the right answer."""

    stop: Literal["end", "tool", "length", "none"] | None = None
    calls: Literal["drop", "leak", "think", "first"] | None = None
    """Left out, written into the text or the reasoning by `form`, or only the first kept."""
    form: str = ""
    """A call as text: ``{name}`` and ``{arguments}`` are filled in."""
    arguments: Literal["cut", "cut-brace", "empty", "none", "stringify", "wrap", "shuffle", "replace"] | None = None
    argument_text: str = ""
    """Put behind the arguments; of ``replace``, in their place."""
    id: Literal["empty", "same"] | None = None
    name: str | None = None
    """Instead of every call's name."""
    text: str | None = None
    """Instead of the text; an empty one leaves it out."""
    before: str = ""
    """Put before the text."""
    think: Literal["tags", "only", "drop"] | None = None
    """Reasoning in tags within the text, nothing but reasoning, or none."""
    usage: Literal["none", "zero"] | None = None


class Edit(_Strict):
    """A change of the JSON that is sent: of a stream's events, or of a whole answer."""

    type: str | None = None
    """Only events of this type; ``[DONE]`` is chat's end marker."""
    has: str | None = None
    """Only where this path is."""
    which: Literal["all", "first", "rest", "last"] = "all"
    set: dict[str, Any] = Field(default_factory=dict)
    null: tuple[str, ...] = ()
    delete: tuple[str, ...] = ()
    count: str | None = None
    """Path whose values are numbered through, each event by another one."""
    text: bool = False
    """Values in `set` are put in as the JSON text of what stands there."""
    drop: bool = False
    repeat: bool = False
    name: str | None = None
    """The SSE field ``event``; empty for none."""
    before: str | None = None
    after: str | None = None
    """Data of one more event."""


class Bytes(_Strict):
    """A change of the bytes."""

    prefix: str = ""
    suffix: str = ""
    swap: tuple[tuple[str, str], ...] = ()
    """Patterns and what is put in their place, in every event's bytes."""
    keep: float = 1.0
    """Share of the pieces that is sent at all."""
    status: int | None = None
    content_type: str | None = None
    body: str | None = None
    """Instead of everything."""


class Defect(_Strict):
    """One defect of the catalogue."""

    id: str
    title: str
    apis: tuple[Api, ...]
    severity: Literal["blocks", "degrades", "cosmetic"]
    seen: str
    """Where, and when if known."""
    agents: str = ""
    """Who stumbled."""
    sources: tuple[str, ...]
    """``owner/repo#number``; empty where only the specification says it."""
    caught_by: tuple[str, ...] = ()
    """Codes of the rules that name it."""
    unseen: str = ""
    """Why no client can tell it from a right answer, where that is so."""
    mode: Literal["stream", "whole", "both"] = "both"
    """Where it shows."""
    refuse: tuple[Refusal, ...] = ()
    say: Saying | None = None
    edit: tuple[Edit, ...] = ()
    bytes: Bytes | None = None

    def refuses(self, value: Mapping[str, Any]) -> Reply | None:
        """The answer to a request that this defect does not take."""
        for refusal in self.refuse:
            if refusal.holds(value):
                kind = JSON if refusal.body.lstrip().startswith(("{", "[")) else "text/plain"
                return Reply(refusal.status, kind, (refusal.body.encode(),))
        return None

    def spoil_answer(self, answer: Response, request: Request) -> Response:
        """What is said, changed."""
        if self.say is None or not self._shows(request.stream):
            return answer
        return _said(self.say, answer)

    def spoil_reply(self, made: Reply) -> Reply:
        """What is sent, changed."""
        if not self._shows(made.content_type == STREAM):
            return made
        if self.edit:
            pieces = _edited_stream(self.edit, made) if made.content_type == STREAM else _edited(self.edit, made)
            made = replace(made, pieces=pieces)
        return _bytes(self.bytes, made) if self.bytes else made

    def _shows(self, streamed: bool) -> bool:
        return self.mode == "both" or (self.mode == "stream") == streamed


# ---- what is said ----------------------------------------------------------------------------------------------------


def _said(say: Saying, answer: Response) -> Response:
    calls = [part for part in answer.parts if isinstance(part, ToolCall)]
    text = "".join(part.text for part in answer.parts if isinstance(part, Text))
    thought = "".join(part.text for part in answer.parts if isinstance(part, Thinking))
    leaked = "\n".join(_written(say.form, call) for call in calls) if say.calls in ("leak", "think") else ""
    if say.calls == "leak":
        text += leaked
    if say.calls == "think":
        thought += leaked
    kept = calls[:1] if say.calls == "first" else [] if say.calls else calls
    if say.text is not None and (calls or not say.calls):
        text = say.text
    if say.think == "tags":
        text, thought = f"<think>{thought or 'I should look first.'}</think>{text}", ""
    text = say.before + text
    parts: list[Part] = []
    if say.think == "only":
        text, kept, thought = "", [], thought or text or "I should look first."
    if thought and say.think != "drop":
        parts.append(Thinking(thought, "reasoning_content"))
    parts += [Text(text)] if text else []
    parts += [_changed(say, call, number) for number, call in enumerate(kept)]
    stop: StopReason | None = answer.stop
    if say.stop is not None:
        stop = None if say.stop == "none" else say.stop
    elif say.calls in ("drop", "leak", "think"):
        stop = "end"
    usage = None if say.usage == "none" else Usage(input=0, output=0) if say.usage == "zero" else answer.usage
    return replace(answer, parts=tuple(parts), stop=stop, raw_stop=None, usage=usage)


def _written(form: str, call: ToolCall) -> str:
    return form.replace("{name}", call.name).replace("{arguments}", call.arguments)


def _changed(say: Saying, call: ToolCall, number: int) -> ToolCall:
    call_id = "" if say.id == "empty" else "call_1" if say.id == "same" else call.id
    name = call.name if say.name is None else say.name
    return replace(call, id=call_id, name=name, arguments=_arguments(say, call.arguments, number) + _behind(say))


def _behind(say: Saying) -> str:
    return "" if say.arguments == "replace" else say.argument_text


def _arguments(say: Saying, text: str, number: int) -> str:
    value = parse_json(text)
    match say.arguments:
        case "cut":
            return text[: max(1, len(text) * 2 // 3)]
        case "cut-brace":
            return text.rstrip()[:-1]
        case "empty":
            return ""
        case "none":
            return "{}" if number or isinstance(value, dict) else text
        case "stringify" if isinstance(value, dict):
            return dump_json({k: v if isinstance(v, str) else json.dumps(v) for k, v in value.items()})
        case "wrap" if isinstance(value, dict):
            return dump_json({"_": value})
        case "shuffle":
            half = len(text) // 2
            return text[half:] + text[:half]
        case "replace":
            return say.argument_text
    return text


# ---- what is sent ----------------------------------------------------------------------------------------------------


def places(value: Any, path: str) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) that a dotted path names in a JSON value; ``*`` is each element, ``-1`` the last."""
    first, _, rest = path.partition(".")
    keys: list[Any] = []
    if isinstance(value, dict):
        keys = list(value) if first == "*" else [first] if first in value or not rest else []
    elif isinstance(value, list):
        keys = list(range(len(value))) if first == "*" else [int(first)] if re.fullmatch(r"-?\d+", first) else []
        keys = [key for key in keys if -len(value) <= key < len(value)]
    for key in keys:
        if rest:
            yield from places(value[key], rest)
        elif isinstance(value, list) or key in value:
            yield value, key


def _edited(edits: tuple[Edit, ...], made: Reply) -> tuple[bytes, ...]:
    value = parse_json(made.body)
    for edit in edits:
        if edit.type is None and _concerns(edit, None, value):
            _apply(edit, value, 0)
    return (dump_json(value).encode(),)


def _edited_stream(edits: tuple[Edit, ...], made: Reply) -> tuple[bytes, ...]:
    parser = SseParser()
    events: list[tuple[str | None, Any]] = [
        (event.event, parse_json(event.data) if event.data != "[DONE]" else "[DONE]")
        for event in [*parser.feed(made.body), *parser.close()]
    ]
    for edit in edits:
        events = _pass(edit, events)
    return tuple(
        format_event(value if isinstance(value, str) else dump_json(value), name or None) for name, value in events
    )


def _pass(edit: Edit, events: list[tuple[str | None, Any]]) -> list[tuple[str | None, Any]]:
    hits = [number for number, (name, value) in enumerate(events) if _concerns(edit, name, value)]
    chosen = {"all": hits, "first": hits[:1], "rest": hits[1:], "last": hits[-1:]}[edit.which]
    out: list[tuple[str | None, Any]] = []
    for number, (name, value) in enumerate(events):
        if number not in chosen:
            out.append((name, value))
            continue
        if edit.before is not None:
            out.append((None, edit.before))
        if not edit.drop:
            _apply(edit, value, number)
            out += [(name if edit.name is None else edit.name, value)] * (2 if edit.repeat else 1)
        if edit.after is not None:
            out.append((None, edit.after))
    return out


def _concerns(edit: Edit, name: str | None, value: Any) -> bool:
    if edit.type is not None:
        told = value if isinstance(value, str) else value.get("type") or name
        if told != edit.type:
            return False
    return edit.has is None or next(places(value, edit.has), None) is not None


def _apply(edit: Edit, value: Any, number: int) -> None:
    for path, new in edit.set.items():
        parent, _, key = path.rpartition(".")
        holders = [container[k] for container, k in places(value, parent)] if parent else [value]
        for holder in holders:
            if isinstance(holder, dict):
                holder[key] = json.loads(holder[key]) if edit.text else new
    for path in edit.null:
        for container, key in places(value, path):
            container[key] = None
    for path in edit.delete:
        for container, key in list(places(value, path)):
            del container[key]
    if edit.count:
        for container, key in places(value, edit.count):
            container[key] = f"{container[key]}{number}"


def _bytes(change: Bytes, made: Reply) -> Reply:
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
    status = change.status or made.status
    return Reply(status, change.content_type or made.content_type, tuple(piece for piece in pieces if piece))


# ---- the catalogue ---------------------------------------------------------------------------------------------------


@cache
def catalogue() -> tuple[Defect, ...]:
    """All defects, by id."""
    found = [defect for path in sorted((content.FIXTURES / "defects").glob("*.toml")) for defect in load(path)]
    return tuple(sorted(found, key=lambda defect: defect.id))


def load(path: Path) -> list[Defect]:
    """The defects of one file.

    Raises:
        UserError: it is missing, no TOML, or has a row that does not fit; one line with file, row and field.
    """
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8")).get("defect", [])
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UserError(f"{path}: {error}") from error
    out: list[Defect] = []
    for row in rows:
        try:
            out.append(Defect.model_validate(row))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise UserError(f"{path}: {row.get('id', '?')}: {where}: {first['msg']}") from error
    return out


def defect(name: str) -> Defect:
    """The defect called `name`.

    Raises:
        UserError: there is none.
    """
    found = next((entry for entry in catalogue() if entry.id == name), None)
    if found is None:
        raise UserError(f"no defect is called {name!r}; `toolworthy oracle --list` has them all")
    return found
