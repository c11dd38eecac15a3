"""Answers and requests of the wire APIs, and the rules over them. The first byte chooses API, status and streaming."""

from __future__ import annotations

import json

from tests.support.examples import recorded
from toolworthy.records.exchange import Chunk
from toolworthy.rules import check
from toolworthy.wire import api, parse_body, parse_request_bytes
from toolworthy.wire.ir import APIS

_ASKED = b'{"model": "m", "messages": [], "input": [], "stream": true}'
_CHAT = b'{"id":"c","choices":[{"index":0,"message":{"content":"x","tool_calls":[{"id":"1","function":{}}]}}]}'
_DELTA = b'data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}}]}\n\n'
_MESSAGE = b'{"type":"message","content":[{"type":"tool_use","id":"1","name":"f","input":{}}],"stop_reason":"end_turn"}'
_BLOCK = b'event: content_block_start\ndata: {"index":0,"content_block":{"type":"text","text":""}}\n\n'
_RESPONSE = b'{"id":"r","output":[{"type":"function_call","call_id":"1","name":"f","arguments":"{}"}],"usage":{}}'
_ITEM = b'event: response.output_item.done\ndata: {"output_index":0,"item":{"type":"message","content":[]}}\n\n'
_ERROR = b'{"error":{"message":"no","type":"t","code":1}}'
SEEDS = [
    bytes([first]) + body
    for first, bodies in enumerate(
        ((_CHAT, _DELTA, _ERROR), (_MESSAGE, _BLOCK, _ERROR), (_RESPONSE, _ITEM, _ERROR)) * 4
    )
    for body in bodies
]


def one(data: bytes) -> None:
    """Anything is read, written again and judged without an error."""
    first, body = (data[0], data[1:]) if data else (0, b"")
    name = APIS[first % len(APIS)]
    streamed, status = bool(first // 3 % 2), (200, 400, 500)[first // 6 % 3]
    response = parse_body(name, status, body, streamed=streamed)
    request = parse_request_bytes(name, _ASKED)
    assert request is not None
    json.dumps(api(name).render_response(response, request))
    parse_request_bytes(name, body)
    chunks = (Chunk(0.1, body[: len(body) // 2]), Chunk(0.2, body[len(body) // 2 :]))
    check([recorded(agent_api=name, endpoint_api=name, request_body=_ASKED, chunks=chunks, status=status)])
    check([recorded(agent_api=name, endpoint_api=name, request_body=body, chunks=chunks, status=status)])
