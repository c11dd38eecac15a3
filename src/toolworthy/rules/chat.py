"""Rules over the chunks of a Chat Completions stream."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from toolworthy.rules.model import Violations, rule
from toolworthy.rules.view import View, WireEvent, chat_calls
from toolworthy.wire.lenient import as_dict, as_int, as_list, parse_json

_SPEC = "https://platform.openai.com/docs/api-reference/chat-streaming"


@rule("TW301", "call delta without an index", "blocks", "chat", source="vercel/ai#7238")
def no_index(view: View) -> Violations:
    """An entry of ``delta.tool_calls`` has no ``index``, the only key that all fragments of a call share. Typed
    clients refuse the chunk; others put parallel calls into one."""
    for detail, excerpt in view.repairs("missing-index"):
        yield detail or "a fragment of a tool call has no index", excerpt


@rule("TW302", "two calls under one index", "blocks", "chat", source="InternLM/lmdeploy#3412")
def index_reused(view: View) -> Violations:
    """A second call begins under the index of the first. Clients that go by the index glue them together."""
    yield from view.repairs("index-reused")


@rule("TW303", "id of a call changes or comes again", "degrades", "chat", source="spring-projects/spring-ai#6369")
def id_repeated(view: View) -> Violations:
    """The id belongs to the first fragment of a call only. Clients that take an id as the beginning of a call split it
    where it is repeated, changed or sent empty."""
    for detail, excerpt in view.repairs("id-changes"):
        yield f"the id changes within a call: {detail}", excerpt
    begun: dict[object, set[object]] = defaultdict(set)
    for event, index, call in _fragments(view):
        known, name = begun[index], as_dict(call.get("function") or call.get("custom")).get("name")
        another_call = name and call.get("id") and call["id"] not in known
        if known and call.get("id") is not None and not another_call:
            yield "an id is empty on a later fragment" if call["id"] == "" else "an id is repeated", event.data
        known.add(call.get("id"))


@rule("TW304", "first fragment without id or name", "blocks", "chat", source="danny-avila/LibreChat#13987")
def headless(view: View) -> Violations:
    """An index shows up for the first time without id or name, so that its arguments belong to no call. Seen where a
    proxy counts content blocks instead of calls."""
    begun: set[object] = set()
    for event, index, call in _fragments(view):
        name = as_dict(call.get("function") or call.get("custom")).get("name")
        if call.get("index") is not None and index not in begun and not name:
            yield f"index {call['index']} begins without a name", event.data
        begun.add(index)


@rule("TW305", "indices with a gap", "degrades", "chat", source="vllm-project/vllm#50782")
def index_gap(view: View) -> Violations:
    """Indices do not run 0, 1, 2 …; clients that keep an array find a hole in it."""
    seen = sorted({index for _, call in view.call_deltas if (index := as_int(call.get("index"))) is not None})
    if seen and seen != list(range(len(seen))):
        yield f"indices of tool calls are {seen}", ""


@rule("TW306", "one index twice in a chunk", "degrades", "chat", source="openai/openai-python#3438")
def index_twice(view: View) -> Violations:
    """One chunk has two entries with one index; accumulators that replace instead of append lose one of them."""
    for event, choice in view.choices:
        indices = [as_dict(call).get("index") for call in as_list(as_dict(choice.get("delta")).get("tool_calls"))]
        known = [index for index in indices if index is not None]
        if len(known) != len(set(known)):
            yield "two entries of one chunk have the same index", event.data


@rule("TW307", "null where a string belongs", "blocks", "chat", source="aaif-goose/goose#6796")
def null_fields(view: View) -> Violations:
    """A fragment has ``arguments: null`` or ``name: null``. Typed clients fail on it, others write "null" into the
    arguments. Leave the field out."""
    for event, call in view.call_deltas:
        function = as_dict(call.get("function"))
        empty = [name for name in ("name", "arguments") if name in function and function[name] is None]
        if empty:
            yield f"{' and '.join(empty)} of a fragment is null", event.data


@rule("TW308", "no finish_reason", "blocks", "chat", source="openclaw/openclaw#98575")
def never_finished(view: View) -> Violations:
    """No chunk carries a finish reason although the stream ends in order. Agents take the answer for cut off, or drop
    its calls."""
    if view.events and view.answered and view.response.complete and view.response.stop is None and _said(view):
        yield "the stream ends without a finish_reason", view.tail()


@rule("TW309", "finish_reason left out", "cosmetic", "chat", source="maximhq/bifrost#7397")
def finish_key(view: View) -> Violations:
    """A chunk lacks the key ``finish_reason``, which must be there and null until the end."""
    for event, choice in view.choices:
        if "finish_reason" not in choice:
            yield "a choice has no key finish_reason", event.data
            return


@rule("TW310", "first chunk without a role", "cosmetic", "chat", source="router-for-me/CLIProxyAPI#530")
def no_role(view: View) -> Violations:
    """No chunk says ``role: assistant``. Some clients store messages without a role then, and send them back."""
    deltas = [as_dict(choice.get("delta")) for _, choice in view.choices]
    if deltas and not any(delta.get("role") for delta in deltas):
        yield "no chunk has a role", json.dumps(deltas[0], ensure_ascii=False)


@rule("TW311", "no [DONE]", "degrades", "chat", source="lidge-jun/opencodex#1170")
def no_done(view: View) -> Violations:
    """The stream has a finish reason but not the marker that ends it. Clients that wait for it hang until a timeout,
    or call the answer broken."""
    if view.events and view.answered and view.response.stop is not None:
        for _ in view.repairs("no-done"):
            yield "the stream ends without data: [DONE]", view.tail()


@rule("TW312", "more after [DONE]", "degrades", "chat", source="vllm-project/vllm#378")
def after_done(view: View) -> Violations:
    """Something follows the end marker, or it comes twice. Clients with a strict reader fail on it."""
    marks = [number for number, event in enumerate(view.events) if event.data.strip() == "[DONE]"]
    if marks and marks[0] < len(view.events) - 1:
        yield "an event follows [DONE]", view.events[marks[0] + 1].data
    elif marks and (rest := _STRAY.search(view.exchange.body.rpartition(b"[DONE]")[2])):
        yield "something that is no event follows [DONE]", rest.group().decode(errors="replace")


@rule("TW313", "chunk without choices", "degrades", "chat", source="zai-org/GLM-5#91")
def no_choices(view: View) -> Violations:
    """``choices`` is null or missing in a chunk; only an empty array is allowed. Clients that loop over it fail."""
    for event in view.events:
        if event.value and not event.value.get("error") and not isinstance(event.value.get("choices"), list):
            yield f"choices is {json.dumps(event.value.get('choices'))}", event.data


@rule("TW314", "whole message in a stream", "blocks", "chat", source=_SPEC)
def message(view: View) -> Violations:
    """A chunk has ``message`` where ``delta`` belongs; clients of streams read nothing from it."""
    for _, excerpt in view.repairs("message-instead-of-delta"):
        yield "a choice has message instead of delta", excerpt


@rule("TW315", "id of the answer changes", "degrades", "chat", source="jundot/omlx#1478")
def id_changes(view: View) -> Violations:
    """Chunks of one answer have different ids. Clients that put an answer together by its id lose the calls of the
    other chunks; traces and logs fall apart."""
    ids: dict[object, int] = defaultdict(int)
    for event in view.events:
        if as_list(event.value.get("choices")) and event.value.get("id"):
            ids[event.value["id"]] += 1
    if len(ids) > 1:
        yield f"the chunks have {len(ids)} different ids", ", ".join(map(str, list(ids)[:4]))


@rule("TW316", "deltas after the finish reason", "degrades", "chat", source="docker/docker-agent#2992")
def late(view: View) -> Violations:
    """Text or calls come after the chunk with the finish reason. Clients have stopped reading by then."""
    finished: set[object] = set()
    for event, choice in view.choices:
        delta = as_dict(choice.get("delta"))
        if choice.get("index") in finished and (delta.get("content") or delta.get("tool_calls")):
            yield "content follows the finish reason", event.data
        if choice.get("finish_reason"):
            finished.add(choice.get("index"))


@rule("TW317", "wrong name of the object", "degrades", "chat", source="zed-industries/zed#62517")
def object_name(view: View) -> Violations:
    """``object`` must be ``chat.completion.chunk`` in every chunk, ``chat.completion`` in a whole answer. Typed clients
    refuse what is called otherwise, or not at all."""
    for event in view.events:
        told = event.value.get("object")
        if isinstance(event.value.get("choices"), list) and told != "chat.completion.chunk":
            yield _named(told, "object" in event.value, "a chunk"), event.data
    told = view.whole.get("object")
    if isinstance(view.whole.get("choices"), list) and told != "chat.completion":
        yield _named(told, "object" in view.whole, "the answer"), view.exchange.body[:300].decode(errors="replace")


@rule("TW318", "choice without a delta", "blocks", "chat", source="microsoft/agent-framework#5734")
def no_delta(view: View) -> Violations:
    """``delta`` is null or missing in a choice; where there is nothing to say it must be ``{}``. Clients read a field
    of it and fail, often on the last chunk of a good answer."""
    for event, choice in view.choices:
        if not isinstance(choice.get("delta"), dict) and not isinstance(choice.get("message"), dict):
            yield f"delta is {json.dumps(choice['delta'])}" if "delta" in choice else "delta is missing", event.data


@rule("TW319", "several choices under one index", "degrades", "chat", source="BerriAI/litellm#15962")
def choices_merged(view: View) -> Violations:
    """``n`` asks for several answers, and more than one of them has the same ``index``. Clients glue them together,
    arguments included."""
    if (as_int(view.asked.get("n")) or 1) > 1 and (found := _merged(view)):
        yield found


@rule("TW320", "fewer choices than asked for", "cosmetic", "chat", source="InternLM/lmdeploy#4419")
def choices_missing(view: View) -> Violations:
    """``n`` asks for several answers, and fewer come. A server that cannot do it should say so."""
    wanted = as_int(view.asked.get("n")) or 1
    whole = [as_dict(choice) for choice in as_list(view.whole.get("choices"))]
    streamed = {choice.get("index") for _, choice in view.choices}
    got = len(streamed) if view.events else len(whole)
    if view.answered and view.response.complete and 0 < got < wanted and not _merged(view):
        yield f"{wanted} choices were asked for, {got} came", view.tail()


@rule("TW321", "role that is none", "degrades", "chat", source="anomalyco/opencode#28427")
def odd_role(view: View) -> Violations:
    """``delta.role`` is something else than ``assistant``, an empty string for one. Typed clients refuse the chunk, and
    with it the answer. Leave the field out where there is nothing new to say."""
    for event, choice in view.choices:
        told = as_dict(choice.get("delta")).get("role")
        if told is not None and told != "assistant":
            yield f"the role is {json.dumps(told)}", event.data


@rule("TW322", "finish_reason that is an empty string", "blocks", "chat", source="aaif-goose/goose#10258")
def empty_finish(view: View) -> Violations:
    """``finish_reason`` is an empty string where it must be null. Agents that ask whether it is there take the first
    chunk for the last, and lose the rest of a call's arguments; typed clients refuse the chunk."""
    for event, choice in view.choices:
        if choice.get("finish_reason") == "":
            yield "finish_reason is an empty string", event.data
            return


@rule("TW323", "arguments sent again", "blocks", "chat", source="NousResearch/hermes-agent#35718")
def arguments_again(view: View) -> Violations:
    """Fragments repeat what fragments before them have brought: each holds all the arguments so far, or the last one
    holds them whole once more. Put together as the API wants it, they are no JSON, and the call is lost."""
    sent: dict[object, list[str]] = defaultdict(list)
    for _, index, call in _fragments(view):
        if text := as_dict(call.get("function")).get("arguments"):
            sent[index].append(str(text))
    for pieces in sent.values():
        *before, last = pieces
        again = before and (last.startswith(before[-1]) or last == "".join(before))
        if again and isinstance(parse_json(last), dict) and parse_json("".join(pieces)) is None:
            yield "the last fragment holds all the arguments again", "".join(pieces)


@rule("TW324", "text sent again", "degrades", "chat", source="NVIDIA/TensorRT-LLM#3280")
def text_again(view: View) -> Violations:
    """A delta holds, word for word, all the text before it. The answer stands there twice, and whoever parses it, as
    JSON for one, fails."""
    said: dict[object, str] = defaultdict(str)
    for event, choice in view.choices:
        text = as_dict(choice.get("delta")).get("content")
        if isinstance(text, str) and text:
            if len(text) >= _LONG and text == said[choice.get("index")]:
                yield "a delta repeats the whole text before it", event.data
            said[choice.get("index")] += text


_LONG = 24
"""Characters of a text that no model says again in just one delta, all at once, by chance."""


@rule("TW325", "call without its type", "degrades", "chat", source="vercel/ai#12770")
def call_type(view: View) -> Violations:
    """A call says ``type: function`` (or ``custom``), streamed in its first fragment, and nothing else later. Typed
    clients refuse it where it is missing there, and wherever it is an empty string."""
    begun: set[object] = set()
    for event, index, call in _fragments(view):
        if (index not in begun and call.get("type") is None) or not _typed(call):
            yield f"the type of a call is {json.dumps(call.get('type'))}", event.data
        begun.add(index)
    for call in chat_calls(view):
        if call.get("type") is None or not _typed(call):
            yield f"the type of a call is {json.dumps(call.get('type'))}", json.dumps(call, ensure_ascii=False)


def _typed(call: Mapping[str, Any]) -> bool:
    return call.get("type") in (None, "function", "custom")


_STRAY = re.compile(rb"^[^:\s][^\r\n]*", re.MULTILINE)
"""A line that is neither blank nor a comment."""


def _fragments(view: View) -> Iterator[tuple[WireEvent, tuple[object, object], Mapping[str, Any]]]:
    """Every fragment of a call, with the indices of choice and call that tell whose it is."""
    for event, choice in view.choices:
        for call in as_list(as_dict(choice.get("delta")).get("tool_calls")):
            yield event, (choice.get("index"), as_dict(call).get("index")), as_dict(call)


def _named(told: object, there: bool, what: str) -> str:
    return f"object of {what} is {json.dumps(told)}" if there else f"{what} has no object"


def _merged(view: View) -> tuple[str, str] | None:
    """Where two choices share an index: twice in one answer or chunk, or finished twice."""
    finished: set[object] = set()
    for event in view.events:
        choices = [as_dict(choice) for choice in as_list(event.value.get("choices"))]
        indices = [choice.get("index") for choice in choices]
        ends = [choice.get("index") for choice in choices if choice.get("finish_reason")]
        if len(set(indices)) < len(indices) or finished & set(ends):
            return f"more than one choice has the index {indices[0]}", event.data
        finished |= set(ends)
    whole = [as_dict(choice).get("index") for choice in as_list(view.whole.get("choices"))]
    if len(set(whole)) < len(whole):
        return f"more than one choice has the index {whole[0]}", json.dumps(whole)
    return None


def _said(view: View) -> bool:
    return bool(view.response.parts)
