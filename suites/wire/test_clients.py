"""The vendors' own clients read the answer: what they cannot read, no agent built on them can."""

import asyncio
import importlib
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from toolworthy.gateway.retries import failed
from toolworthy.records.finding import rank
from toolworthy.rules.refusal import BUSY
from toolworthy.wire.lenient import parse_json
from toolworthy.work.probes import EVERY_AGENT, Answer, Ask, Broken, Rejected, Unmeasured, probe
from toolworthy.work.probes.material import TOOLS

RETRIES = 5
"""As often as agents try again what may pass."""
CALL = ("write_file", {"path": "src/a.py", "content": 'print("naïve")\n'})


async def client_of(name: str) -> Any:
    """A vendor's package. To read it takes a second or more: beside the loop, for the requests on their way."""
    return await asyncio.to_thread(importlib.import_module, name)


async def judge(ask: Ask, name: str | None, arguments: Any) -> None:
    """What the client made of the call, beside what was sent."""
    sent = (await ask.overheard()).calls
    if name is None:
        raise Broken("the client saw no call") if sent else Unmeasured("the model made no call")
    value = parse_json(arguments) if isinstance(arguments, str) else arguments
    if name == CALL[0] and isinstance(value, dict):
        return
    if sent and name != CALL[0] and any(tool.name == name for tool in TOOLS):
        raise Unmeasured(f"the model called {name} instead of {CALL[0]}")
    raise Broken(f"the client read the call as {name}({str(arguments)[:120]})")


def said(ask: Ask, error: Exception, answer: Answer) -> Exception:
    """The verdict for what a client raised."""
    text = " ".join(str(error).split())[:200]
    if not text:
        return unsaid(error, answer)
    if type(error).__name__ == "LengthFinishReasonError":
        return Unmeasured("the model wrote until its token limit")
    if type(error).__name__ == "APITimeoutError":
        return Unmeasured(f"no response within {ask.seconds:.0f} s, toolworthy's limit")
    status = getattr(error, "status_code", None) or getattr(error, "code", None)
    if status in BUSY:
        return Unmeasured(f"rate limited repeatedly: HTTP {status}: {text}")
    if isinstance(status, int) and 400 <= status < 500:
        return Rejected(f"{type(error).__name__}: {text}")
    return Broken(f"the client fails with {type(error).__name__}: {text}")


def unsaid(error: Exception, answer: Answer) -> Exception:
    """The verdict for an error without a message: what the rules find in the bytes, and the line that they met."""
    (*_, frame) = traceback.extract_tb(error.__traceback__)
    met = f"the client fails with {type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}: {frame.line}"
    root = min(answer.findings, key=lambda finding: (bool(finding.follows), rank(finding.severity)), default=None)
    if root is None:
        return Broken(f"{met}; the response ends with {answer.exchange.body[-120:].decode(errors='replace')!r}")
    return Broken(f"{root.code} {root.title}: {root.detail}; {met}", root.code)


async def patiently(ask: Ask, once: Callable[[], Awaitable[Any]]) -> Any:
    """What a client makes of an answer; where the answer itself failed in a way that may pass, it asks again."""
    for attempt in range(RETRIES):
        try:
            return await once()
        except Exception as error:
            answer = await ask.overheard()
            if attempt + 1 == ask.surface.tries or not failed(answer.exchange):
                raise said(ask, error, answer) from error
    raise AssertionError("unreachable")


@probe(
    "OpenAI's client, chat",
    "chat",
    severity="blocks",
    situation="client-library",
)
async def test_client_openai_chat(ask: Ask) -> None:
    """``openai``'s stream helper puts the call together."""
    openai = await client_of("openai")
    body = ask.body(ask.order([CALL]))
    body.pop("stream", None)

    async def once() -> Any:
        if not ask.stream:
            return await client.chat.completions.create(**body)
        async with client.chat.completions.stream(**body) as stream:
            return await stream.get_final_completion()

    async with openai.AsyncOpenAI(
        base_url=f"{ask.url}/v1", api_key="none", max_retries=RETRIES, timeout=ask.seconds
    ) as client:
        done = await patiently(ask, once)
    calls = (done.choices[0].message.tool_calls or []) if done.choices else []
    await judge(ask, calls[0].function.name if calls else None, calls[0].function.arguments if calls else None)


@probe(
    "OpenAI's client, Responses",
    "responses",
    severity="blocks",
    situation="client-library",
)
async def test_client_openai_responses(ask: Ask) -> None:
    """``openai``'s stream helper reads every event."""
    openai = await client_of("openai")
    body = ask.body(ask.order([CALL]))
    body.pop("stream", None)

    async def once() -> Any:
        if not ask.stream:
            return await client.responses.create(**body)
        async with client.responses.stream(**body) as stream:
            return await stream.get_final_response()

    async with openai.AsyncOpenAI(
        base_url=f"{ask.url}/v1", api_key="none", max_retries=RETRIES, timeout=ask.seconds
    ) as client:
        done = await patiently(ask, once)
    calls = [item for item in done.output if item.type == "function_call"]
    await judge(ask, calls[0].name if calls else None, calls[0].arguments if calls else None)


@probe("Anthropic's client", "messages", severity="blocks", situation="client-library")
async def test_client_anthropic(ask: Ask) -> None:
    """``anthropic``'s stream helper puts the call together."""
    anthropic = await client_of("anthropic")
    body = ask.body(ask.order([CALL]))
    body.pop("stream", None)

    async def once() -> Any:
        if not ask.stream:
            return await client.messages.create(**body)
        async with client.messages.stream(**body) as stream:
            return await stream.get_final_message()

    async with anthropic.AsyncAnthropic(
        base_url=ask.url, api_key="none", max_retries=RETRIES, timeout=ask.seconds
    ) as client:
        done = await patiently(ask, once)
    calls = [block for block in done.content if block.type == "tool_use"]
    await judge(ask, calls[0].name if calls else None, calls[0].input if calls else None)


@probe("Google's client", "gemini", severity="degrades", situation="client-library")
async def test_client_google(ask: Ask) -> None:
    """``google-genai`` reads the chunks, signatures too."""
    try:
        genai = await client_of("google.genai")
    except ImportError:
        raise Unmeasured("the package google-genai is not installed") from None
    body = ask.body(ask.order([CALL]))
    parameters = {"model": body["model"], "contents": body["contents"]}
    parameters["config"] = {
        "tools": body["tools"],
        "automatic_function_calling": {"disable": True},
        **body["generationConfig"],
    }
    options = {"base_url": ask.url, "timeout": int(ask.seconds * 1_000)}
    google = genai.Client(api_key="none", http_options=options)

    async def once() -> Any:
        if not ask.stream:
            return [await google.aio.models.generate_content(**parameters)]
        return [chunk async for chunk in await google.aio.models.generate_content_stream(**parameters)]

    try:
        chunks = await patiently(ask, once)
    finally:
        await google.aio.aclose()
        google.close()
    calls = [call for chunk in chunks for call in chunk.function_calls or ()]
    await judge(ask, calls[0].name if calls else None, calls[0].args if calls else None)


@probe("several requests in a row", modes="stream", severity="degrades", agents=EVERY_AGENT)
async def test_several_answers(ask: Ask) -> None:
    """Three requests one after the other: none is lost, none gets another's answer, each response has its own id."""
    ids = []
    for number in range(3):
        answer = await ask.says(f"number-{number}")
        ids.append(answer.response.id)
        if ask.surface.obeys and f"number-{number}" not in answer.text and "number-" in answer.text:
            raise Broken(f"requested number-{number}, received {answer.text[:60]!r}")
    if len(ids) > len(set(ids)) and all(ids):
        raise Broken(f"{len(ids)} responses to different requests have {len(set(ids))} ids: {ids[0]}")
