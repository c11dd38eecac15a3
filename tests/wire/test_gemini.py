"""What is Gemini's own: signatures on parts, calls without ids, schemas of a subset, chunks that are whole answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.replaying import replayed
from toolworthy import wire
from toolworthy.wire.failure import parse_error
from toolworthy.wire.gemini._schema import json_schema, subset
from toolworthy.wire.gemini._signatures import NOBODYS
from toolworthy.wire.ir import (
    Api,
    Failure,
    Image,
    Message,
    Rendered,
    Request,
    Response,
    Text,
    Thinking,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from toolworthy.wire.translate import ResponseTranslator, translate_error, translate_request, translate_response

SIGNATURE = "c2lnbmVkIGJ5IEdlbWluaQ=="
THINKS = {"text": "two files", "thought": True}
FIRST = {"functionCall": {"id": "f1", "name": "read", "args": {"path": "a"}}, "thoughtSignature": SIGNATURE}
SECOND = {"functionCall": {"id": "f2", "name": "read", "args": {"path": "b"}}}


def chunk(*parts: dict[str, Any], stop: str | None = None, **usage: int) -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": list(parts)}} | ({"finishReason": stop} if stop else {})
    return {"candidates": [candidate], "responseId": "r1", "modelVersion": "m"} | (
        {"usageMetadata": usage} if usage else {}
    )


def stream(*chunks: dict[str, Any], end: str = "\r\n\r\n") -> bytes:
    return "".join(f"data: {json.dumps(value)}{end}" for value in chunks).encode()


def read(*chunks: dict[str, Any]) -> Response:
    return wire.parse_body("gemini", 200, stream(*chunks), streamed=True)


def asked(*contents: dict[str, Any], **fields: Any) -> Request:
    return wire.api("gemini").parse_request({"model": "m", "contents": list(contents), **fields})


def user(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "parts": list(parts)}


def model(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "model", "parts": list(parts)}


def after(agent: Api, *parts: dict[str, Any]) -> Rendered:
    """What Gemini is sent when an agent of another API replays its answer."""
    request = Request("m", ())
    body = json.dumps(chunk(*parts, stop="STOP")).encode()
    answer = json.loads(translate_response(agent, "gemini", request, 200, body))
    return translate_request(agent, "gemini", replayed(agent, answer))[1]


@pytest.mark.parametrize("agent", ["chat", "messages", "responses"])
def test_a_signature_comes_back_on_its_call_and_only_there(agent: Api) -> None:
    rendered = after(agent, THINKS, {"text": "I look."}, FIRST, SECOND)
    said = rendered.body["contents"][1]["parts"]
    assert [part for part in said if "thoughtSignature" in part] == [FIRST]
    assert said[-2:] == [FIRST, SECOND]
    assert rendered.losses == ()


@pytest.mark.parametrize("agent", ["chat", "messages", "responses"])
def test_ids_that_gemini_lacks_are_made_up_for_the_agent_and_dropped_again(agent: Api) -> None:
    bare = [{"functionCall": {"name": "read", "args": {"path": path}}} for path in "ab"]
    contents = after(agent, {**bare[0], "thoughtSignature": SIGNATURE}, bare[1]).body["contents"]
    assert [part["functionCall"] for part in contents[1]["parts"]] == [part["functionCall"] for part in bare]
    results = [part["functionResponse"] for part in contents[2]["parts"]]
    assert results == [{"name": "read", "response": {"output": "x"}}] * 2


def test_made_up_ids_differ_between_calls_and_between_answers() -> None:
    call = {"functionCall": {"name": "read", "args": {}}}
    answers = [chunk(call, call, stop="STOP", promptTokenCount=count) for count in (10, 20)]
    ids = [call.id for value in answers for call in wire.api("gemini").parse_response(value).calls]
    assert len(set(ids)) == 4
    assert ids[:2] == [call.id for call in wire.api("gemini").parse_response(answers[0]).calls]
    assert len({call.id for call in read(chunk(call), chunk(call), chunk(stop="STOP")).calls}) == 2  # in equal chunks


def test_results_without_ids_answer_the_calls_of_their_names_in_order() -> None:
    calls: list[dict[str, Any]] = [{"functionCall": {"name": name, "args": {}}} for name in ("read", "ls", "read")]
    results = [{"functionResponse": {"name": name, "response": {"output": name}}} for name in ("read", "read", "ls")]
    request = asked(user({"text": "go"}), model(*calls), user(*results))
    made = [part.id for part in request.messages[1].parts if isinstance(part, ToolCall)]
    answered = [part.call_id for part in request.messages[2].parts if isinstance(part, ToolResult)]
    assert answered == [made[0], made[2], made[1]]


def test_a_call_of_this_turn_without_a_signature_gets_the_vendors_substitute() -> None:
    """Gemini 3 refuses the call without; earlier turns it does not look at. No endpoint gave the substitute."""
    turn = [
        Message("user", (Text("go"),)),
        Message("assistant", (ToolCall("a", "ls", "{}"),)),
        Message("tool", (ToolResult("a", (Text("x"),)),)),
    ]
    messages = (*turn, *turn)
    rendered = wire.api("gemini").render_request(Request("m", messages))
    signs = [part.get("thoughtSignature") for content in rendered.body["contents"] for part in content["parts"]]
    assert signs == [None, None, None, None, NOBODYS, None]
    assert rendered.losses == ("a call without its thought signature was sent with the vendor's substitute",)
    assert wire.api("gemini").parse_request(rendered.body).messages == messages


def test_reasoning_of_another_api_survives_an_agent_that_drops_thoughts() -> None:
    """Gemini CLI keeps signed calls in its history and leaves thoughts out."""
    thought = Thinking("because", "thinking", "c2lnbmVk")
    response = Response("r", "m", (thought, ToolCall("call_1", "ls", "{}"), ToolCall("call_2", "ls", "{}")), "tool")
    said = wire.api("gemini").render_response(response, Request("m", ()))["candidates"][0]["content"]["parts"]
    kept = [part for part in said if not part.get("thought")]
    assert ["thoughtSignature" in part for part in kept] == [True, False]
    for parts in (said, kept):
        back = asked(user({"text": "go"}), model(*parts)).messages[1].parts
        assert [part for part in back if isinstance(part, Thinking)] == [thought]


def test_names_in_snake_case_are_read_too() -> None:
    schema = {"type": "OBJECT", "properties": {"max_size": {"type": "INTEGER", "nullable": True}}}
    request = asked(
        user({"inline_data": {"mime_type": "image/png", "data": "aGk="}}),
        system_instruction={"parts": {"text": "be brief"}},
        tools=[{"function_declarations": [{"name": "cut", "parameters": schema}]}],
        tool_config={"function_calling_config": {"mode": "ANY", "allowed_function_names": ["cut"]}},
        generation_config={"max_output_tokens": 9, "stop_sequences": ["X"], "thinking_config": {"thinking_budget": 0}},
    )
    assert request.messages == (
        Message("system", (Text("be brief"),)),
        Message("user", (Image("data:image/png;base64,aGk="),)),
    )
    assert request.tools[0].parameters == {
        "type": "object",
        "properties": {"max_size": {"type": ["integer", "null"]}},
    }
    assert (request.tool_choice, request.max_tokens, request.stop) == (ToolChoice("named", "cut"), 9, ("X",))
    assert request.reasoning
    assert request.reasoning.enabled is False


@pytest.mark.parametrize(
    ("config", "choice"),
    [
        ({"mode": "AUTO"}, ToolChoice("auto")),
        ({"mode": "VALIDATED"}, ToolChoice("auto")),
        ({"mode": "NONE"}, ToolChoice("none")),
        ({"mode": "ANY"}, ToolChoice("required")),
        ({"mode": "ANY", "allowedFunctionNames": ["a", "b"]}, ToolChoice("required")),
        ({"mode": "ANY", "allowedFunctionNames": ["a"]}, ToolChoice("named", "a")),
        ({}, None),
    ],
)
def test_modes_of_function_calling(config: dict[str, Any], choice: ToolChoice | None) -> None:
    assert asked(toolConfig={"functionCallingConfig": config}).tool_choice == choice


def test_schemas_are_cut_down_to_what_gemini_takes() -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "mode": {"const": "fast"},
            "level": {"enum": [1, 2], "type": "integer"},
            "name": {"type": ["string", "null"], "format": "uri"},
            "size": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "who": {"oneOf": [{"$ref": "#/$defs/one"}, {"type": "string"}]},
            "tags": {"type": "array"},
        },
        "required": ["mode"],
        "$defs": {"one": {"type": "object", "properties": {"next": {"$ref": "#/$defs/one"}}}},
    }
    made = subset(schema)
    assert set(made) == {"type", "properties", "required"}
    fields = made["properties"]
    assert fields["mode"] == {"type": "string", "enum": ["fast"]}
    assert fields["level"] == {"type": "integer"}
    assert fields["name"] == {"type": "string", "nullable": True}
    assert fields["size"] == {"type": "integer", "nullable": True}
    assert fields["tags"] == {"type": "array", "items": {"type": "string"}}
    assert "$ref" not in json.dumps(made)
    assert fields["who"]["anyOf"][1] == {"type": "string"}
    assert json_schema({"type": "STRING", "minLength": "2"}) == {"type": "string", "minLength": 2}


def test_the_schema_of_either_field_is_read() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}
    request = asked(tools=[{"functionDeclarations": [{"name": "f", "parametersJsonSchema": schema}]}])
    assert request.tools[0].parameters == schema


def test_usage_counts_thoughts_apart() -> None:
    counts = {"promptTokenCount": 90, "cachedContentTokenCount": 40, "candidatesTokenCount": 7, "thoughtsTokenCount": 5}
    usage = read(chunk({"text": "a"}, stop="STOP", **counts)).usage
    assert usage
    assert (usage.input, usage.cached, usage.output, usage.reasoning) == (90, 40, 12, 5)
    written = wire.api("gemini").render_response(Response("r", "m", (), "end", usage=usage), Request("m", ()))
    assert written["usageMetadata"] == counts | {"totalTokenCount": 102}


@pytest.mark.parametrize("together", [True, False])
def test_parallel_calls_may_come_in_one_chunk_or_one_each(together: bool) -> None:
    chunks = [chunk(FIRST, SECOND)] if together else [chunk(FIRST), chunk(SECOND)]
    answer = read(*chunks, chunk({"text": ""}, stop="STOP"))
    assert [(call.id, call.arguments) for call in answer.calls] == [("f1", '{"path":"a"}'), ("f2", '{"path":"b"}')]
    assert (answer.stop, answer.raw_stop, answer.complete, answer.repairs) == ("tool", "STOP", True, ())


def test_text_and_thoughts_of_many_chunks_are_one_part_each() -> None:
    answer = read(chunk(THINKS), chunk(THINKS), chunk({"text": "a"}), chunk({"text": "b"}, stop="STOP"))
    assert answer.parts == (Thinking("two filestwo files", "thought"), Text("ab"))


@pytest.mark.parametrize(
    "last",
    [
        chunk({"text": "", "thoughtSignature": SIGNATURE}, stop="STOP"),
        chunk({"text": "!", "thoughtSignature": SIGNATURE}, stop="STOP"),
    ],
)
def test_a_signature_on_text_makes_it_no_thought(last: dict[str, Any]) -> None:
    answer = read(chunk({"text": "hi"}), last)
    assert answer.text in ("hi", "hi!")
    assert answer.parts[-1] == Thinking("", "thought", SIGNATURE)


@pytest.mark.parametrize(
    ("word", "stop"),
    [("MAX_TOKENS", "length"), ("SAFETY", "filter"), ("MALFORMED_FUNCTION_CALL", "error"), ("NEW_ONE", "unknown")],
)
def test_why_an_answer_ended(word: str, stop: str) -> None:
    answer = read(chunk(stop=word))
    assert (answer.stop, answer.raw_stop, answer.complete) == (stop, word, True)


def test_a_blocked_prompt_has_no_candidates() -> None:
    body = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 4}}
    answer = wire.parse_body("gemini", 200, json.dumps(body).encode(), streamed=False)
    assert (answer.stop, answer.raw_stop, answer.failure) == ("filter", "PROHIBITED_CONTENT", None)


def test_a_stream_without_a_finish_reason_is_cut() -> None:
    answer = read(chunk({"text": "a"}))
    assert (answer.stop, answer.complete) == (None, False)
    translator = ResponseTranslator("chat", "gemini", Request("m", (), stream=True))
    out = translator.feed(stream(chunk({"text": "a"}))) + translator.close()
    assert b"[DONE]" not in out


def test_what_follows_a_finish_reason_is_read_and_noted() -> None:
    answer = read(chunk({"text": "a"}, stop="STOP"), chunk({"text": "b"}, stop="STOP"))
    assert (answer.text, [repair.code for repair in answer.repairs]) == ("ab", ["early-finish"])


def test_a_stream_without_sse_is_an_array_of_chunks() -> None:
    body = json.dumps([chunk({"text": "a"}), chunk({"text": "b"}, stop="STOP")]).encode()
    assert wire.parse_body("gemini", 200, body, streamed=False).text == "ab"


def test_errors_keep_googles_words_and_status() -> None:
    told = {"error": {"code": 429, "message": "quota", "status": "RESOURCE_EXHAUSTED"}}
    for body in (told, [told]):
        failure = parse_error(429, json.dumps(body).encode())
        assert failure == Failure("quota", "rate_limit_error", "RESOURCE_EXHAUSTED", 429)
        assert json.loads(translate_error("gemini", 429, json.dumps(body).encode())) == told
    inside = read(chunk({"text": "a"}), told)
    assert inside.failure
    assert inside.failure.code == "RESOURCE_EXHAUSTED"


def test_an_error_result_and_its_picture() -> None:
    image = Image("data:image/png;base64,aGk=")
    messages = (
        Message("user", (Text("go"),)),
        Message("assistant", (ToolCall("a", "see", "{}"),)),
        Message("tool", (ToolResult("a", (Text("no"), image), is_error=True),)),
        Message("user", (Text("on"),)),
    )
    rendered = wire.api("gemini").render_request(Request("m", messages))
    assert rendered.body["contents"][2]["parts"] == [
        {"functionResponse": {"id": "a", "name": "see", "response": {"error": "no"}}},
        {"text": "Image returned by see:"},
        {"inlineData": {"mimeType": "image/png", "data": "aGk="}},
        {"text": "on"},
    ]
    nested = {"inlineData": {"mimeType": "image/png", "data": "aGk="}}
    result = {"functionResponse": {"id": "a", "name": "see", "response": {"error": "no"}, "parts": [nested]}}
    read = asked(user({"text": "go"}), model(SECOND), user(result))
    assert read.messages[2] == messages[2]


def test_any_other_response_object_is_the_output() -> None:
    result = {"functionResponse": {"id": "f2", "name": "read", "response": {"lines": 2, "error": ""}}}
    assert asked(user(result)).messages[0].parts == (ToolResult("f2", (Text('{"lines":2,"error":""}'),)),)


def test_a_result_answers_no_call_of_an_interrupted_turn() -> None:
    call = {"functionCall": {"name": "read", "args": {}}}
    result = {"functionResponse": {"name": "read", "response": {"output": "x"}}}
    request = asked(user({"text": "go"}), model(call), user({"text": "stop"}), model(call), user(result))
    last = request.messages[3].parts[0]
    assert isinstance(last, ToolCall)
    assert request.messages[4].parts == (ToolResult(last.id, (Text("x"),)),)


def test_a_stream_that_breaks_off_has_no_finish_reason_for_the_agent() -> None:
    translator = ResponseTranslator("gemini", "chat", Request("m", (), stream=True))
    out = translator.feed(b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"a"}}]}\n\n') + translator.close()
    assert b'"text":"a"' in out
    assert b"finishReason" not in out
