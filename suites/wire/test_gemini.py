"""What clients of Gemini's API send and read, Google's own among them."""

from typing import Any

from toolworthy import wire
from toolworthy.wire.ir import Message, Thinking
from toolworthy.wire.lenient import as_dict, as_int, as_list, dump_json, parse_json
from toolworthy.work.probes import Ask, Broken, Ignored, Rejected, Unmeasured, probe
from toolworthy.work.probes.ask import user
from toolworthy.work.probes.material import ASK_CODE, BLUE, CODE, CODE_WORD, TOOLS, called, results

CALL = ("read_file", {"path": "src/app.py"})
MADE = ("call_a1b2c3", *CALL)


def declared(ask: Ask) -> list[dict[str, Any]]:
    """The declarations of the usual tools."""
    body = ask.body(ask.request(user("x"), tools=TOOLS))
    return [dict(declaration) for tool in body["tools"] for declaration in tool["functionDeclarations"]]


@probe("schemas in parametersJsonSchema", "gemini", severity="degrades", situation="unusual-schema")
async def test_parameters_json_schema(ask: Ask) -> None:
    """JSON Schema as it is, which Gemini CLI sends for every tool, in place of ``parameters``."""
    tools = [
        {**tool, "parametersJsonSchema": {**tool.pop("parameters"), "additionalProperties": False}}
        for tool in declared(ask)
        if "parameters" in tool
    ]
    order = ask.order([CALL])
    answer = await ask.accepted(ask.body(order), fields={"tools": [{"functionDeclarations": tools}]})
    if answer.response.stop == "error":
        raise Broken(f"the response ends with {answer.response.raw_stop}")
    if not answer.calls:
        raise Unmeasured("the model made no call")
    if parse_json(answer.calls[0].arguments) != CALL[1]:
        raise Broken(f"the arguments are {answer.calls[0].arguments[:80]}")


@probe("calls and results without ids", "gemini", modes="stream", severity="degrades", situation="field")
async def test_calls_without_ids(ask: Ask) -> None:
    """Older clients send none: a result belongs to the call of its name."""
    body = ask.body(ask.request(user("Read it."), called(MADE), results((MADE[0], CODE)), user(ASK_CODE), tools=TOOLS))
    for content in body["contents"]:
        for part in content["parts"]:
            as_dict(part.get("functionCall") or part.get("functionResponse")).pop("id", None)
    answer = await ask.accepted(body)
    if CODE_WORD not in answer.text:
        raise (Ignored if ask.surface.obeys else Unmeasured)(f"the model says {answer.text.strip()[:80]!r}")


@probe("names in snake case", "gemini", modes="whole", severity="cosmetic", situation="field")
async def test_snake_case(ask: Ask) -> None:
    """``system_instruction``, ``generation_config``: as in Google's own examples for curl."""
    body = ask.body(ask.request(user(ASK_CODE)))
    config = {"max_output_tokens": body.pop("generationConfig")["maxOutputTokens"]}
    system = {"parts": [{"text": CODE}]}
    answer = await ask.accepted({**body, "system_instruction": system, "generation_config": config})
    if CODE_WORD not in answer.text:
        raise (Ignored if ask.surface.obeys else Unmeasured)(f"the model says {answer.text.strip()[:80]!r}")


@probe("settings of Gemini CLI", "gemini", modes="stream", severity="degrades", situation="settings")
async def test_cli_settings(ask: Ask) -> None:
    """What it sends with every request: temperature 1, topP 0.95, topK 64."""
    body = ask.body(ask.request(user("Reply with exactly: Hello.")))
    await ask.accepted(
        {**body, "generationConfig": {**body["generationConfig"], "temperature": 1, "topP": 0.95, "topK": 64}}
    )


@probe("mode VALIDATED", "gemini", modes="whole", severity="cosmetic", situation="settings")
async def test_mode_validated(ask: Ask) -> None:
    """Text or calls, both bound by the schemas."""
    await ask.calls(CALL, fields={"toolConfig": {"functionCallingConfig": {"mode": "VALIDATED"}}})


@probe("safety settings", "gemini", modes="whole", severity="cosmetic", situation="settings")
async def test_safety_settings(ask: Ask) -> None:
    """Thresholds that clients lower, since code is full of dangerous words."""
    settings = [{"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "threshold": "BLOCK_NONE"}]
    await ask.says("Hello.", fields={"safetySettings": settings})


@probe("an image inside a result", "gemini", modes="whole", severity="cosmetic", situation="image")
async def test_image_inside_result(ask: Ask) -> None:
    """``functionResponse.parts``, as Gemini CLI sends a screenshot to newer models."""
    body = ask.body(ask.request(user("Look."), called(MADE), results((MADE[0], "A picture.")), tools=TOOLS))
    picture = {"inlineData": {"mimeType": "image/png", "data": BLUE.partition(",")[2]}}
    body["contents"][-1]["parts"][0]["functionResponse"]["parts"] = [picture]
    await ask.accepted(body)


@probe("thought signatures on calls", "gemini", severity="degrades", situation="thinking")
async def test_call_signature(ask: Ask) -> None:
    """The first call of an answer that was thought about has its thought signature, and no other part has it."""
    order = ask.thinking(ask.order([CALL]))
    answer = await ask.calls(CALL, reasoning=order.reasoning, max_tokens=order.max_tokens)
    signed = [part.id for part in answer.response.parts if isinstance(part, Thinking) and part.signature]
    thought = answer.thoughts or (answer.response.usage and answer.response.usage.reasoning)
    if answer.calls[0].id not in signed:
        raise (Broken if thought else Unmeasured)("the call has no thought signature")
    back = (Message("assistant", answer.response.parts), results(*((call.id, CODE) for call in answer.calls)))
    await ask.accepted(ask.request(*order.messages, *back, tools=TOOLS, reasoning=order.reasoning))


@probe("Gemini's list of models", "gemini", modes="none", severity="cosmetic", situation="side-request")
async def test_gemini_models(ask: Ask) -> None:
    """``GET /v1beta/models`` lists the model that is asked for, as ``models/ID``."""
    api = wire.api("gemini")
    answer = await ask.post(None, api.path("models"), {api.mark: "none"})
    if answer.status in (401, 403, 404, 405, 501):
        raise Rejected(f"HTTP {answer.status}")
    names = [
        str(as_dict(entry).get("name")) for entry in as_list(as_dict(parse_json(answer.exchange.body)).get("models"))
    ]
    if answer.status != 200 or not names:
        raise Broken(f"HTTP {answer.status}: {answer.exchange.body[:120]!r}")
    if f"models/{ask.endpoint.model}" not in names:
        raise Broken(f"models/{ask.endpoint.model} is not in the list, which has {', '.join(names[:5])}")


@probe("counting tokens, Gemini", "gemini", modes="none", severity="cosmetic", situation="side-request")
async def test_gemini_count_tokens(ask: Ask) -> None:
    """``:countTokens``, which Gemini CLI asks for pictures only."""
    contents = ask.body(ask.request(user("word " * 500)))["contents"]
    path = wire.api("gemini").path("count_tokens", ask.endpoint.model)
    answer = await ask.post(dump_json({"contents": contents}).encode(), path)
    if answer.status in (404, 405, 501):
        raise Rejected(f"HTTP {answer.status}")
    count = as_int(as_dict(parse_json(answer.exchange.body)).get("totalTokens"))
    if answer.status != 200 or count is None or not 250 < count < 5_000:
        raise Broken(f"HTTP {answer.status}: 500 words count as {count} tokens")
