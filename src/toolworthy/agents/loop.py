"""The built-in agent: send a request, execute the calls, repeat. Runs inside the sandbox, so it imports only parts of
this package that need nothing but the standard library.

Started as ``python -m toolworthy.agents.loop CONFIG.json TURNS``; prints events, one JSON object per line. Exit
code 0: the model ended its turn; 1: the endpoint failed; 2: out of turns.
"""

from __future__ import annotations

import http.client
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from toolworthy import wire
from toolworthy.agents.actions import Refused, perform
from toolworthy.base.retry import pause
from toolworthy.rules.refusal import Refusal, classify
from toolworthy.wire.assemble import assemble
from toolworthy.wire.ir import Api, Failure, Message, Request, Response, Text, Tool, ToolCall, ToolResult

_SYSTEM = (
    "You are a coding agent. You work in the current directory with the tools you have, until the task is done; "
    "then you say briefly what you did."
)
_TRIES = 4
_LONGEST = 60.0
"""The longest pause in seconds."""
_SILENCE = 300
"""Seconds without a byte after which a request is aborted."""


def main() -> int:
    """Run the agent of one config file."""
    config = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    tools = tuple(
        Tool(tool["name"], tool["description"], None if tool["custom"] else tool["schema"], custom=tool["custom"])
        for tool in config["tools"]
    )
    messages = [Message("system", (Text(_SYSTEM),)), Message("user", (Text(config["instruction"]),))]
    for turn in range(int(sys.argv[2])):
        request = Request(
            model=config["model"],
            messages=tuple(messages),
            tools=tools,
            max_tokens=config["max_output"],
            stream=config["stream"],
        )
        response = _ask(config, request)
        if response.failure is not None:
            _say("error", status=response.failure.status, message=response.failure.message)
            return 1
        _say("answer", turn=turn, text=response.text, calls=len(response.calls), stop=response.raw_stop)
        if not response.calls:
            return 0
        messages.append(Message("assistant", response.parts))
        messages.append(Message("tool", tuple(_results(config, response.calls))))
    _say("error", message="out of turns")
    return 2


def _results(config: dict[str, Any], calls: tuple[ToolCall, ...]) -> Iterator[ToolResult]:
    by_name = {tool["name"]: tool for tool in config["tools"]}
    for call in calls:
        try:
            text, failed = perform(by_name.get(call.name), call.name, call.arguments, Path(config["workspace"])), False
        except Refused as refused:
            text, failed = f"Error: {refused}", True
        _say("call", name=call.name, arguments=call.arguments, result=text[:2000], error=failed)
        yield ToolResult(call.id, (Text(text),), failed, call.custom)


def _ask(config: dict[str, Any], request: Request) -> Response:
    """Get one response. Transient failures are retried, with growing pauses or the endpoint's delay."""
    for tries in range(1, _TRIES + 1):
        try:
            response, refusal = _once(config, request)
        except (OSError, http.client.HTTPException) as error:
            refusal = Refusal("unavailable", f"{type(error).__name__}: {error}")
            response = Response(failure=Failure(refusal.message), complete=False)
        if refusal is None or not refusal.passes or tries == _TRIES:
            break
        time.sleep(min(_LONGEST, pause(tries, refusal.retry_after)))
    return response


def _once(config: dict[str, Any], request: Request) -> tuple[Response, Refusal | None]:
    """One response, and the endpoint's refusal by HTTP status, if any."""
    api: Api = config["api"]
    module = wire.api(api)
    parts = urlsplit(config["base_url"])
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_SILENCE)
    headers = {"content-type": "application/json", **module.authorised(config["key"])}
    path, body = module.sent(module.render_request(request).body)
    try:
        connection.request("POST", parts.path + path, json.dumps(body).encode(), headers)
        answer = connection.getresponse()
        received = {name.lower(): value for name, value in answer.getheaders()}
        if answer.status >= 400 or "text/event-stream" not in received.get("content-type", ""):
            data = answer.read()
            refused = classify(answer.status, received, data) if answer.status >= 400 else None
            return wire.parse_body(api, answer.status, data, streamed=False), refused
        decoder = module.decoder()
        events = []
        while data := answer.read1(65536):
            events += decoder.feed(data)
        events += decoder.close()
        response = assemble(events, tuple(decoder.repairs))
    finally:
        connection.close()
    if not response.complete and response.failure is None:
        response = Response(failure=Failure("the response was cut off"), complete=False)
    return response, None


def _say(event: str, **fields: Any) -> None:
    print(json.dumps({"event": event, **fields}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
