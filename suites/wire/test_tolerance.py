"""What real agents send beyond the plainest form: is it taken? Each trait is compared with the same request without it.

The agents that send a trait are those whose recorded requests have it.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from toolworthy.wire.ir import Image, Message, Request, Text, ToolResult
from toolworthy.wire.lenient import as_dict, as_list, parse_json
from toolworthy.work.probes import Ask, Together, Trait, probe, same_with, senders
from toolworthy.work.probes.answer import Answer
from toolworthy.work.probes.ask import message, user
from toolworthy.work.probes.material import ASK_CODE, BLUE, CODE, CODE_WORD, TOOLS, called, results

CALL = ("call_a1b2c3", "read_file", {"path": "src/app.py"})
SAY = "Reply with exactly: Hello."
UNSET = {
    "chat": "temperature top_p stop seed user response_format frequency_penalty presence_penalty logit_bias",
    "messages": "temperature top_p top_k stop_sequences",
    "responses": "temperature top_p instructions previous_response_id user metadata truncation max_tool_calls",
}
"""Optional fields of each API that clients fill with null."""


def unheard(answer: Answer) -> str:
    """What the model said instead of the code word."""
    detail = f"the model was prompted for the code word and replied {answer.text.strip()[:80]!r}"
    return "" if CODE_WORD.lower() in answer.text.lower() else detail


def conversation(ask: Ask) -> Request:
    """A call and its result, with text in all messages."""
    reply = called(CALL, text="I will read the file.")
    return ask.request(user("Read src/app.py."), reply, results((CALL[0], CODE)), ASK_CODE, tools=TOOLS)


HISTORY = Together("tolerated forms", conversation, unheard)


def entries(body: Mapping[str, Any]) -> list[Any]:
    """The conversation in a request's JSON."""
    return as_list(body.get("messages") or body.get("input"))


def schemas(body: Mapping[str, Any]) -> Iterator[Any]:
    """The schema of each tool in a request's JSON, whatever its API calls it; tools of a namespace too."""
    for tool in as_list(body.get("tools")):
        inner = as_dict(tool.get("function") or tool)
        schema = inner.get("parameters") or inner.get("input_schema")
        yield from schemas(tool) if "tools" in tool else () if schema is None else (schema,)
        declared = as_list(tool.get("functionDeclarations"))
        yield from (one.get("parameters") or one["parametersJsonSchema"] for one in declared)


def any_schema(test: Callable[[Any], bool]) -> tuple[str, ...]:
    """The agents with a tool whose schema has this."""
    return senders(lambda record: any(test(schema) for schema in schemas(record.body)))


@HISTORY.trait(
    "a tool without required",
    severity="degrades",
    agents=any_schema(lambda schema: "required" not in schema),
    situation="field",
)
def test_required_missing(body: dict[str, Any]) -> None:
    """All of a tool's arguments may be optional; templates that loop over ``required`` then fail."""
    next(schemas(body)).pop("required", None)


@HISTORY.trait("required: null in a tool", "chat", "messages", "responses", severity="degrades", situation="field")
def test_required_null(body: dict[str, Any]) -> None:
    """What generators write that serialize an empty list as null."""
    list(schemas(body))[1]["required"] = None


@HISTORY.trait("null for unset fields", "chat", "messages", "responses", severity="degrades", situation="field")
def test_null_fields(body: dict[str, Any]) -> None:
    """``temperature: null`` and the like, as generated clients send them."""
    api = "responses" if "input" in body else "chat" if entries(body)[-2]["role"] == "tool" else "messages"
    body |= dict.fromkeys(UNSET[api].split())


@HISTORY.trait(
    "null fields in messages",
    "chat",
    "messages",
    severity="degrades",
    agents=senders(lambda record: None in record.history.message_fields.values()),
    situation="field",
)
def test_null_message_fields(body: dict[str, Any]) -> None:
    """An answer goes back as a client's object holds it, with null for what it does not have."""
    for entry in entries(body):
        if entry.get("role") == "assistant" and isinstance(entry["content"], list):
            entry["content"][0]["citations"] = None
        elif entry.get("role") == "assistant":
            entry |= {"refusal": None, "function_call": None, "audio": None}


@HISTORY.trait("unknown fields in messages", "chat", severity="degrades", agents=("copilot",), situation="field")
def test_message_fields(body: dict[str, Any]) -> None:
    """Clients keep notes of their own beside role and content: Copilot marks results that it fetched by itself."""
    for number, entry in enumerate(entries(body)):
        entry |= {"id": f"msg_{number}", "timestamp": 1_700_000_000}


@HISTORY.trait(
    "reasoning_content in messages without reasoning",
    "chat",
    severity="blocks",
    agents=senders(lambda record: record.api == "chat" and record.history.reasoning == "always"),
    situation="field",
)
def test_reasoning_content(body: dict[str, Any]) -> None:
    """Some models' servers demand it, so it goes back everywhere; others refuse the unknown field."""
    for entry in entries(body):
        if entry.get("role") == "assistant":
            entry["reasoning_content"] = ""


@HISTORY.trait(
    "fields of a library's own in the history",
    "chat",
    severity="degrades",
    agents=senders(lambda record: "provider_specific_fields" in record.history.message_fields),
    situation="field",
)
def test_library_fields(body: dict[str, Any]) -> None:
    """An answer goes back as LiteLLM holds it: ``provider_specific_fields`` in messages and calls, ``index: null``."""
    for entry in entries(body):
        if entry.get("role") == "assistant":
            entry["provider_specific_fields"] = {}
        for call in as_list(entry.get("tool_calls")):
            call |= {"index": None, "provider_specific_fields": None}


@HISTORY.trait(
    "a name in the assistant's messages",
    "chat",
    severity="degrades",
    agents=senders(lambda record: "name" in record.history.message_fields),
    situation="field",
)
def test_assistant_name(body: dict[str, Any]) -> None:
    """Which of several agents spoke."""
    for entry in entries(body):
        if entry.get("role") == "assistant":
            entry["name"] = "agent"


@HISTORY.trait(
    "reasoning_effort: null",
    "chat",
    severity="degrades",
    agents=senders(lambda record: record.body.get("reasoning_effort", "") is None),
    situation="field",
)
def test_effort_null(body: dict[str, Any]) -> None:
    """Nothing was chosen, and the client says so."""
    body["reasoning_effort"] = None


@HISTORY.trait(
    "index in a call of the history",
    "chat",
    severity="degrades",
    agents=senders(lambda record: isinstance(record.history.call_fields.get("index"), int)),
    situation="field",
)
def test_call_index(body: dict[str, Any]) -> None:
    """A call goes back as it was streamed, its index included."""
    for entry in entries(body):
        for number, call in enumerate(as_list(entry.get("tool_calls"))):
            call["index"] = number


@HISTORY.trait(
    "ids of the client's own on messages",
    "responses",
    severity="blocks",
    agents=senders(lambda record: "input" in record.body and any(item.get("id") for item in record.body["input"])),
    situation="field",
)
def test_item_ids(body: dict[str, Any]) -> None:
    """Every message has an id that the endpoint never gave."""
    for number, entry in enumerate(entries(body)):
        if entry.get("role"):
            entry["id"] = f"msg_00000000-0000-4000-8000-{number:012}"


@HISTORY.trait(
    "client_metadata",
    "responses",
    severity="blocks",
    agents=senders(lambda record: "client_metadata" in record.body),
    situation="field",
)
def test_client_metadata(body: dict[str, Any]) -> None:
    """What the client knows of its session, beside the request."""
    body["client_metadata"] = {"session_id": "00000000-0000-4000-8000-000000000000"}


@probe("arguments as an object in the history", "chat", modes="stream", severity="cosmetic", situation="field")
async def test_arguments_object(ask: Ask) -> None:
    """What clients send that keep arguments parsed. The specification wants a string; refusing it in words is right."""

    def put(body: dict[str, Any]) -> None:
        for entry in entries(body):
            for call in as_list(entry.get("tool_calls")):
                call["function"]["arguments"] = json.loads(call["function"]["arguments"])

    await same_with(ask, conversation(ask), Trait("an object as arguments", put), wrong=unheard)


async def in_parts(ask: Ask, plain: Request, name: str) -> None:
    """The text that tells the code word is known in two parts, too."""

    def put(body: dict[str, Any]) -> None:
        for entry in entries(body):
            if CODE in str(entry["content"]):
                entry["content"] = [{"type": "text", "text": text} for text in (entry["content"], "Be brief.")]

    await same_with(ask, plain, Trait(name, put, carries=True), wrong=unheard)


@probe("system content in parts", "chat", modes="stream", severity="degrades", situation="field")
async def test_system_parts(ask: Ask) -> None:
    """A system message whose content is a list; all of its parts count."""
    plain = ask.request(message("system", f"You are a helpful assistant. {CODE}"), user("Hello."), ASK_CODE)
    await in_parts(ask, plain, "system content in parts")


@probe("an assistant's content in parts", "chat", modes="stream", severity="degrades", situation="field")
async def test_assistant_parts(ask: Ask) -> None:
    """An answer goes back as a list of parts; all of them count."""
    plain = ask.request(user("Hello."), message("assistant", f"Hello! {CODE}"), ASK_CODE)
    await in_parts(ask, plain, "an assistant's content in parts")


@probe(
    "an image in a result is seen",
    "chat",
    "messages",
    "responses",
    modes="stream",
    severity="degrades",
    agents=("claude-code", "codex"),
    situation="image",
)
async def test_image_in_result_seen(ask: Ask) -> None:
    """What the model sees in a user's message it sees in a tool's result, too."""
    look = "What colour is the picture? Reply with one word: red, green, blue or none."
    before = user("Look at the screen."), called(CALL)
    plain = ask.request(*before, results((CALL[0], "Done.")), Message("user", (Image(BLUE), Text(look))), tools=TOOLS)
    shown = Message("tool", (ToolResult(CALL[0], (Text("Done."), Image(BLUE))),))
    moved = ask.body(ask.request(*before, shown, look, tools=TOOLS))

    def unseen(answer: Answer) -> str:
        detail = f"the picture is blue, and the model says {answer.text.strip()[:80]!r}"
        return "" if "blue" in answer.text.lower() else detail

    await same_with(
        ask, plain, Trait("an image in a result", lambda body: body.update(moved), carries=True), wrong=unseen
    )


@probe("a schema that is hard to enforce", "chat", "responses", modes="stream", situation="json-output")
async def test_json_schema_hard(ask: Ask) -> None:
    """An output format that a server cannot compile is refused in words, never dropped without one."""

    def format_of(**name: Any) -> dict[str, Any]:
        schema = {"type": "object", "properties": {"name": {"type": "string", **name}}, "required": ["name"]}
        closed = {**schema, "additionalProperties": False}
        return {"type": "json_schema", "json_schema": {"name": "item", "schema": closed, "strict": True}}

    def free(answer: Answer) -> str:
        text = answer.text.strip()
        return "" if isinstance(parse_json(text), dict) else f"the text does not match the schema: {text[:80]!r}"

    hard = ask.body(ask.request(SAY, response_format=format_of(pattern="^(?!\\.)(?!.*\\.\\.)[a-z.]+$")))
    trait = Trait("a pattern with lookahead", lambda body: body.update(hard), carries=True)
    await same_with(ask, ask.request(SAY, response_format=format_of()), trait, wrong=free)
