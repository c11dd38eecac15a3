"""Trials made by hand: a task's conversation with the tool `run`, exchange by exchange."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from tests.support.examples import recorded
from toolworthy.content import adapters
from toolworthy.records.exchange import Chunk, Exchange
from toolworthy.records.score import Cause
from toolworthy.sandbox.model import CommandOutcome, Ended
from toolworthy.work.scoring._cause import diagnose

SCHEMA = {
    "type": "object",
    "properties": {"command": {"type": "string"}},
    "required": ["command"],
    "additionalProperties": False,
}
TOOL = {"type": "function", "function": {"name": "run", "parameters": SCHEMA}}
DONE = "All is done."
Message = dict[str, Any]


def call(command: str = "ls", *, name: str = "run", arguments: str | None = None, number: int = 0) -> Message:
    """An answer with one call. The id is as the number, so each of a conversation has its own."""
    text = json.dumps({"command": command}) if arguments is None else arguments
    made = {"id": f"call_{number}", "type": "function", "function": {"name": name, "arguments": text}}
    return {"role": "assistant", "content": None, "tool_calls": [made]}


def said(text: str = DONE) -> Message:
    """An answer in words."""
    return {"role": "assistant", "content": text}


def answered(message: Message, finish: str | None = None, **more: Any) -> Exchange:
    """A whole answer of HTTP 200."""
    choice = {
        "index": 0,
        "message": message,
        "finish_reason": finish or ("tool_calls" if "tool_calls" in message else "stop"),
    }
    usage = {"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20}
    body = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    return recorded(chunks=(Chunk(0.1, json.dumps(body).encode()),), **more)


def refused(status: int, message: str = "no") -> Exchange:
    """An error of this HTTP status."""
    body = json.dumps({"error": {"message": message, "type": "t", "code": None}}) if message else ""
    return recorded(status=status, chunks=(Chunk(0.1, body.encode()),))


def streamed(*deltas: Message | None, finish: str | None = "stop") -> Exchange:
    """A streamed answer of these deltas."""
    events: list[Message] = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    events.append({"index": 0, "delta": {}, "finish_reason": finish})
    about = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    lines = [f"data: {json.dumps({**about, 'choices': [event]})}\n\n" for event in events]
    text = "".join([*lines, "data: [DONE]\n\n"])
    return recorded(response_headers={"content-type": "text/event-stream"}, chunks=(Chunk(0.1, text.encode()),))


def trial(
    *answers: Exchange,
    results: dict[int, str] | None = None,
    tools: tuple[Any, ...] = (TOOL,),
    system: str = "",
) -> list[Exchange]:
    """The exchanges of one trial: each request holds what was said before, each call gets its result.

    Args:
        answers: what the endpoint answered, in order.
        results: what the agent's tool said to the call of that answer; "ok" where nothing is given.
        tools: that every request offers.
        system: the system prompt.
    """
    messages: list[Message] = [{"role": "system", "content": system}] if system else []
    messages.append({"role": "user", "content": "Do it."})
    made = []
    for index, answer in enumerate(answers):
        request = {"model": "m", "messages": messages, "tools": list(tools), "stream": answer.streamed}
        made.append(replace(answer, index=index, request_body=json.dumps(request).encode()))
        response = made[-1].response
        if response is None or response.failure is not None:
            continue
        turn: Message = {"role": "assistant", "content": response.text}
        if response.calls:
            turn["tool_calls"] = [
                {"id": one.id, "type": "function", "function": {"name": one.name, "arguments": one.arguments}}
                for one in response.calls
            ]
        told = (results or {}).get(index, "ok")
        back = [{"role": "tool", "tool_call_id": one.id, "content": told} for one in response.calls]
        messages = [*messages, turn, *(back or [{"role": "user", "content": (results or {}).get(index, "Go on.")}])]
    return made


def why(
    exchanges: list[Exchange],
    *,
    agent: str = "builtin",
    exit_code: int | None = 0,
    ended: Ended = "exit",
    max_turns: int = 60,
    seconds: float = 10.0,
    stdout: bytes = b"",
    ceiling: str = "",
) -> Cause:
    """What failed the trial, by its exchanges and how the agent ended."""
    outcome = CommandOutcome(exit_code if ended == "exit" else None, ended, stdout, b"", seconds)
    return diagnose(exchanges, outcome, adapters.agent(agent), max_turns, ceiling)


def page(status: int, title: str) -> Exchange:
    """A web page in place of an answer."""
    html = f"<!DOCTYPE html><html><head><title>{title}</title></head><body>Hello</body></html>"
    return recorded(status=status, response_headers={"content-type": "text/html"}, chunks=(Chunk(0.1, html.encode()),))


def final_only() -> list[Exchange]:
    """A Responses stream whose call stands in the last event alone."""
    item = {
        "type": "function_call",
        "id": "fc_1",
        "call_id": "call_1",
        "name": "run",
        "arguments": '{"command": "ls"}',
        "status": "completed",
    }
    response = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "model": "m",
        "output": [],
        "status": "in_progress",
    }
    return of_responses(
        {"type": "response.completed", "response": {**response, "status": "completed", "output": [item]}}
    )


def failed_beside(message: str) -> list[Exchange]:
    """A Responses stream that failed; the error stands beside a response that names none."""
    failed = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "output": [], "status": "failed"}
    error = {"code": "server_error", "message": message}
    return of_responses({"type": "response.failed", "response": {**failed, "error": None}, "error": error})


def of_responses(last: Message) -> list[Exchange]:
    """A Responses stream that ends with this event."""
    response = {**last["response"], "output": [], "status": "in_progress", "error": None}
    events = [
        {"type": "response.created", "sequence_number": 0, "response": response},
        {**last, "sequence_number": 1},
    ]
    text = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
    tool = {"type": "function", "name": "run", "parameters": SCHEMA}
    request = {"model": "m", "input": [{"role": "user", "content": "Do it."}], "tools": [tool], "stream": True}
    made = recorded(
        agent_api="responses",
        endpoint_api="responses",
        path="/v1/responses",
        request_body=json.dumps(request).encode(),
        response_headers={"content-type": "text/event-stream"},
        chunks=(Chunk(0.1, text.encode()),),
    )
    return [made]
