"""Which faults the gateway's translation removes: it tolerates the faulty bytes, and writes correct ones."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from toolworthy.rules.model import Rule, by_code
from toolworthy.wire.ir import APIS, Api, Request
from toolworthy.wire.sse import is_stream
from toolworthy.wire.translate import ResponseTranslator, translate_response


@cache
def removed_by_translation(code: str) -> bool:
    """Whether an agent of another API than the endpoint's never meets the fault of this rule.

    The rule's example shows it: its bytes with the fault and without look the same in every other API. False for what
    is no rule, or has no example that runs.
    """
    rule = by_code(code)
    if rule is None or rule.example is None or rule.example.unrun:
        return False
    faulty, sound = (_passed_on(rule, response) for response in (rule.example.bad, rule.example.good))
    return faulty == sound


def _passed_on(rule: Rule, response: str) -> tuple[int, Mapping[str, str], dict[Api, bytes]]:
    """A response as agents of other APIs get it: status, headers (except those of the body) and body."""
    head, body = response.split("\n\n", 1) if response.startswith("HTTP/1.1 ") else ("HTTP/1.1 200", response)
    line, *lines = head.splitlines()
    headers = {name.lower(): value for name, _, value in (header.partition(": ") for header in lines)}
    status, endpoint = int(line.split()[1]), rule.apis[0]
    kept = {name: value for name, value in headers.items() if not name.startswith("content-")}
    others = [api for api in APIS if api != endpoint]
    return status, kept, {api: _translated(api, endpoint, status, body.encode()) for api in others}


def _translated(agent: Api, endpoint: Api, status: int, body: bytes) -> bytes:
    request = Request(model="m", messages=(), stream=is_stream(body))
    if status >= 400 or not request.stream:
        return translate_response(agent, endpoint, request, status, body)
    translator = ResponseTranslator(agent, endpoint, request)
    return translator.feed(body) + translator.close()
