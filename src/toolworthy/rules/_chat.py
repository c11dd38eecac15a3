"""Rules over the chunks of a Chat Completions stream."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from functools import partial

from toolworthy.rules import model
from toolworthy.rules.model import Violations
from toolworthy.rules.view import View
from toolworthy.wire.failure import event_failure
from toolworthy.wire.lenient import as_dict, as_int, as_key, as_list

rule = partial(model.rule, area="chat streams")

_SPEC = "https://platform.openai.com/docs/api-reference/chat-streaming"


@rule(
    "TW308",
    "no finish_reason",
    "blocks",
    source="openclaw/openclaw#98575",
    right='Before [DONE] a chunk says why the choice ended: {"index": 0, "delta": {}, "finish_reason": "stop"}, or '
    '"tool_calls", or "length"; so does the choice of a whole answer.',
)
def never_finished(view: View) -> Violations:
    """No chunk carries a finish reason although the stream ends in order, or a whole answer has none. Agents take the
    answer for cut off, or drop its calls."""
    if view.answered and view.response.complete and view.response.stop is None and view.response.parts:
        yield f"the {'stream' if view.events else 'answer'} ends without a finish_reason", view.tail()


@rule(
    "TW309",
    "finish_reason left out",
    "cosmetic",
    source="maximhq/bifrost#7397",
    right='Every choice of every chunk has the key: "finish_reason": null, and in its last chunk the reason.',
)
def finish_key(view: View) -> Violations:
    """A chunk lacks the key ``finish_reason``, which must be there and null until the end."""
    for event, choice in view.choices:
        if "finish_reason" not in choice:
            yield "a choice has no key finish_reason", event.data
            return


@rule(
    "TW310",
    "first chunk without a role",
    "cosmetic",
    source="router-for-me/CLIProxyAPI#530",
    right='The first delta says who speaks: "delta": {"role": "assistant", "content": ""}.',
    follows=("TW314", "TW318", "TW603", "TW321"),
)
def no_role(view: View) -> Violations:
    """No chunk says ``role: assistant``. Some clients store messages without a role then, and send them back."""
    deltas = [as_dict(choice.get("delta")) for _, choice in view.choices]
    if deltas and not any(delta.get("role") for delta in deltas):
        yield "no chunk has a role", json.dumps(deltas[0], ensure_ascii=False)


@rule(
    "TW311",
    "no [DONE]",
    "degrades",
    source="lidge-jun/opencodex#1170",
    right="The stream ends with the line data: [DONE] and a blank line, after the finish reason and the usage.",
)
def no_done(view: View) -> Violations:
    """The stream has a finish reason but not the marker that ends it. Clients that wait for it hang until a timeout,
    or call the answer broken."""
    if view.events and view.answered and view.response.stop is not None:
        for _ in view.repairs("no-done"):
            yield "the stream ends without data: [DONE]", view.tail()


@rule(
    "TW312",
    "more after [DONE]",
    "degrades",
    source="vllm-project/vllm#378",
    right="data: [DONE] comes once, and nothing follows it but the blank line that ends it.",
)
def after_done(view: View) -> Violations:
    """Something follows the end marker, or it comes twice. Clients with a strict reader fail on it."""
    marks = [number for number, event in enumerate(view.events) if event.data.strip() == "[DONE]"]
    if marks and marks[0] < len(view.events) - 1:
        yield "an event follows [DONE]", view.events[marks[0] + 1].data
    elif marks and (rest := _STRAY.search(view.exchange.body.rpartition(b"[DONE]")[2])):
        yield "something that is no event follows [DONE]", rest.group().decode(errors="replace")


@rule(
    "TW313",
    "chunk without choices",
    "degrades",
    source="zai-org/GLM-5#91",
    right='Every chunk has an array of choices; one that brings only the usage has an empty one: "choices": [].',
)
def no_choices(view: View) -> Violations:
    """``choices`` is null or missing in a chunk; only an empty array is allowed. Clients that loop over it fail."""
    for event in view.events:
        if event.value and not isinstance(event.value.get("choices"), list) and not event_failure(event.value):
            yield f"choices is {json.dumps(event.value.get('choices'))}", event.data


@rule(
    "TW314",
    "whole message in a stream",
    "blocks",
    source=_SPEC,
    right='In a stream every choice has a delta: {"index": 0, "delta": {"content": "…"}, "finish_reason": null}; a '
    "message is for whole answers.",
)
def message(view: View) -> Violations:
    """A chunk has ``message`` where ``delta`` belongs; clients of streams read nothing from it."""
    for _, excerpt in view.repairs("message-instead-of-delta"):
        yield "a choice has message instead of delta", excerpt


@rule(
    "TW315",
    "id of the answer changes",
    "degrades",
    source="jundot/omlx#1478",
    right='All chunks of an answer have the same id, made once: "id": "chatcmpl-a1".',
)
def id_changes(view: View) -> Violations:
    """Chunks of one answer have different ids. Clients that put an answer together by its id lose the calls of the
    other chunks; traces and logs fall apart."""
    ids: dict[object, int] = defaultdict(int)
    for event in view.events:
        if as_list(event.value.get("choices")) and event.value.get("id"):
            ids[as_key(event.value["id"])] += 1
    if len(ids) > 1:
        yield f"the chunks have {len(ids)} different ids", ", ".join(map(str, list(ids)[:4]))


@rule(
    "TW316",
    "deltas after the finish reason",
    "degrades",
    source="docker/docker-agent#2992",
    right="All text and calls of a choice come before its finish reason, or in the same chunk; after it comes nothing "
    "but usage and [DONE].",
    follows=("TW706", "TW322"),
)
def late(view: View) -> Violations:
    """Text or calls come after the chunk with the finish reason. Clients have stopped reading by then."""
    finished: set[object] = set()
    for event, choice in view.choices:
        delta = as_dict(choice.get("delta"))
        if as_key(choice.get("index")) in finished and (delta.get("content") or delta.get("tool_calls")):
            yield "content follows the finish reason", event.data
        if choice.get("finish_reason"):
            finished.add(as_key(choice.get("index")))


@rule(
    "TW317",
    "wrong name of the object",
    "degrades",
    source="zed-industries/zed#62517",
    right='Every chunk has "object": "chat.completion.chunk", a whole answer "object": "chat.completion".',
)
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


@rule(
    "TW318",
    "choice without a delta",
    "degrades",
    source="microsoft/agent-framework#5734",
    right='Every choice of a chunk has a delta, empty where there is nothing to say: {"index": 0, "delta": {}, '
    '"finish_reason": "stop"}.',
)
def no_delta(view: View) -> Violations:
    """``delta`` is null or missing in a choice; where there is nothing to say it must be ``{}``. Clients read a field
    of it and fail, often on the last chunk of a good answer."""
    for event, choice in view.choices:
        if not isinstance(choice.get("delta"), dict) and not isinstance(choice.get("message"), dict):
            yield f"delta is {json.dumps(choice['delta'])}" if "delta" in choice else "delta is missing", event.data


@rule(
    "TW319",
    "several choices under one index",
    "degrades",
    source="BerriAI/litellm#15962",
    right="Each of the n answers has one index, from 0 to n - 1, that is its own and the same in all its chunks.",
    situation="settings",
    follows=("TW706", "TW322"),
)
def choices_merged(view: View) -> Violations:
    """``n`` asks for several answers, and more than one of them has the same ``index``. Clients glue them together,
    arguments included."""
    if (as_int(view.asked.get("n")) or 1) > 1 and (found := _merged(view)):
        yield found


@rule(
    "TW320",
    "fewer choices than asked for",
    "cosmetic",
    source="InternLM/lmdeploy#4419",
    right='As many choices come as "n" asks for, with the indices 0 to n - 1; a server that cannot do it refuses the '
    "request with HTTP 400.",
    situation="settings",
    follows=("TW605",),
)
def choices_missing(view: View) -> Violations:
    """``n`` asks for several answers, and fewer come. A server that cannot do it should say so."""
    wanted = as_int(view.asked.get("n")) or 1
    whole = [as_dict(choice) for choice in as_list(view.whole.get("choices"))]
    streamed = {as_key(choice.get("index")) for _, choice in view.choices}
    got = len(streamed) if view.events else len(whole)
    if view.answered and view.response.complete and 0 < got < wanted and not _merged(view):
        yield f"{wanted} choices were asked for, {got} came", view.tail()


@rule(
    "TW321",
    "role that is none",
    "degrades",
    source="anomalyco/opencode#28427",
    right='The first delta has "role": "assistant"; later ones have no role.',
)
def odd_role(view: View) -> Violations:
    """``delta.role`` is something else than ``assistant``, an empty string for one. Typed clients refuse the chunk, and
    with it the answer. Leave the field out where there is nothing new to say."""
    for event, choice in view.choices:
        told = as_dict(choice.get("delta")).get("role")
        if told is not None and told != "assistant":
            yield f"the role is {json.dumps(told)}", event.data


@rule(
    "TW322",
    "finish_reason that is an empty string",
    "degrades",
    source="aaif-goose/goose#10258",
    right='Until a choice ends its chunks have "finish_reason": null; its last one has a reason, "stop" or '
    '"tool_calls" for instance.',
)
def empty_finish(view: View) -> Violations:
    """``finish_reason`` is an empty string where it must be null. Agents that ask whether it is there take the first
    chunk for the last, and lose the rest of a call's arguments; typed clients refuse the chunk."""
    for event, choice in view.choices:
        if choice.get("finish_reason") == "":
            yield "finish_reason is an empty string", event.data
            return


@rule(
    "TW324",
    "text sent again",
    "degrades",
    source="NVIDIA/TensorRT-LLM#3280",
    right="A delta holds only the text that is new; all of them joined are the text, once.",
)
def text_again(view: View) -> Violations:
    """A delta holds, word for word, all the text before it. The answer stands there twice, and whoever parses it, as
    JSON for one, fails."""
    said: dict[object, str] = defaultdict(str)
    for event, choice in view.choices:
        text = as_dict(choice.get("delta")).get("content")
        if isinstance(text, str) and text:
            if len(text) >= _LONG and text == said[as_key(choice.get("index"))]:
                yield "a delta repeats the whole text before it", event.data
            said[as_key(choice.get("index"))] += text


_LONG = 24
"""Characters of a text that no model says again in just one delta, all at once, by chance."""
_STRAY = re.compile(rb"^[^:\s][^\r\n]*", re.MULTILINE)
"""A line that is neither blank nor a comment."""


def _named(told: object, there: bool, what: str) -> str:
    return f"object of {what} is {json.dumps(told)}" if there else f"{what} has no object"


def _merged(view: View) -> tuple[str, str] | None:
    """Where two choices share an index: twice in one answer or chunk, or finished twice."""
    finished: set[object] = set()
    for event in view.events:
        choices = [as_dict(choice) for choice in as_list(event.value.get("choices"))]
        indices = [as_key(choice.get("index")) for choice in choices]
        ends = [as_key(choice.get("index")) for choice in choices if choice.get("finish_reason")]
        if len(set(indices)) < len(indices) or finished & set(ends):
            return f"more than one choice has the index {indices[0]}", event.data
        finished |= set(ends)
    whole = [as_key(as_dict(choice).get("index")) for choice in as_list(view.whole.get("choices"))]
    if len(set(whole)) < len(whole):
        return f"more than one choice has the index {whole[0]}", json.dumps(whole)
    return None
