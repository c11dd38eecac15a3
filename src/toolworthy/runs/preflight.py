"""Before tokens are spent: can this agent work with this endpoint at all?

Costs a few small requests. Whatever answers, however oddly, ends as a check with a sentence; only an endpoint that
cannot be reached at all, or that refuses the key, stops the run.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from toolworthy import wire
from toolworthy.adapters import AgentAdapter
from toolworthy.endpoint import KEY_ENV, Endpoint
from toolworthy.errors import UserError
from toolworthy.redact import Redactor
from toolworthy.wire.ir import Api, Message, Request, Text
from toolworthy.wire.lenient import parse_json

if TYPE_CHECKING:
    import httpx

_SECONDS = 30.0
_REPLY_TOKENS = 4_000
"""Room an agent needs beside its fixed prompt to do anything."""
_MAX_BODY = 2**20
_LISTED = 8


@dataclass(frozen=True)
class Check:
    """One thing looked at."""

    name: str
    ok: bool | None
    """None where it could not be told."""
    detail: str


@dataclass(frozen=True)
class Preflight:
    """What was found, and the endpoint as it really is."""

    endpoint: Endpoint
    """With only those wire APIs that answered, and the dialect as seen."""
    checks: tuple[Check, ...]
    refused: dict[str, str]
    """Agent id to why it cannot work here."""


@dataclass(frozen=True)
class _Answer:
    status: int
    body: bytes
    content_type: str

    @property
    def says(self) -> str:
        """The answer in one short line."""
        value = parse_json(self.body)
        if isinstance(value, (dict, list, str)):
            return wire.api("chat").parse_error(self.status, self.body).message[:200]
        text = " ".join(self.body[:200].decode(errors="replace").split())
        return f"{self.content_type or 'no content type'}: {text[:120]!r}"


async def preflight(endpoint: Endpoint, agents: Sequence[AgentAdapter]) -> Preflight:
    """Look at `endpoint` as `agents` will use it.

    Raises:
        UserError: nothing listens there, it speaks no wire API, or it refuses the key.
    """
    import httpx

    redact = Redactor(endpoint.secrets).text
    async with httpx.AsyncClient(timeout=_SECONDS, follow_redirects=False, trust_env=not endpoint.is_local) as client:
        asker = _Asker(endpoint, client)
        found, checks = await _discover(asker, redact)
        endpoint = replace(endpoint, base_urls=found)
        asker.endpoint = endpoint
        needed = sorted({endpoint.api_for(agent.apis[0]) for agent in agents})
        models = await _models(asker)
        checks.extend(_model_checks(endpoint, models))
        endpoint = replace(endpoint, context=endpoint.context or _context(models, endpoint.model))
        failures: dict[Api, str] = {}
        for api in needed:
            seen, answers, system_anywhere = await _try(asker, api)
            checks.extend(replace(check, detail=redact(check.detail)) for check in seen)
            if not answers:
                failures[api] = redact(seen[-1].detail)
            if not system_anywhere:
                dialect = replace(endpoint.provider.dialect, system_anywhere=False)
                endpoint = replace(endpoint, provider=endpoint.provider.model_copy(update={"dialect": dialect}))
    refused = {agent.id: why for agent in agents if (why := _refusal(agent, endpoint, failures))}
    return Preflight(endpoint, tuple(checks), refused)


class _Asker:
    """Sends small requests and bounds what comes back."""

    def __init__(self, endpoint: Endpoint, client: httpx.AsyncClient) -> None:
        self.endpoint = endpoint
        self._client = client

    async def ask(self, method: str, url: str, api: Api, body: Any = None) -> _Answer:
        """One request, whole or not at all.

        Raises:
            UserError: no answer within the time, or none at all.
        """
        import httpx

        content = None if body is None else json.dumps(body).encode()
        headers = {**self.endpoint.headers(api), "content-type": "application/json", "accept-encoding": "identity"}
        try:
            async with (
                asyncio.timeout(_SECONDS),
                self._client.stream(method, url, headers=headers, content=content) as response,
            ):
                data = bytearray()
                async for piece in response.aiter_raw():
                    data += piece
                    if len(data) > _MAX_BODY:
                        break
                return _Answer(response.status_code, bytes(data), response.headers.get("content-type", ""))
        except TimeoutError as error:
            raise UserError(f"{url} did not answer within {_SECONDS:.0f} s") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason = str(error) or type(error).__name__
            raise UserError(f"cannot reach {url}: {reason}; is the server running, and the base URL right?") from error


async def _discover(asker: _Asker, redact: Any) -> tuple[dict[Api, str], list[Check]]:
    """Which wire APIs are there: an empty request costs nothing, and an API that exists says what it misses."""
    endpoint = asker.endpoint
    urls = {api: endpoint.url(api) for api in endpoint.base_urls}
    asked = (asker.ask("POST", url, api, {}) for api, url in urls.items())
    answers = dict(zip(urls, await asyncio.gather(*asked, return_exceptions=True), strict=True))
    silent = [answer for answer in answers.values() if isinstance(answer, UserError)]
    if len(silent) == len(answers):
        raise silent[0]
    found: dict[Api, str] = {}
    checks: list[Check] = []
    for api, answer in answers.items():
        if isinstance(answer, UserError):
            checks.append(Check(f"{api} API", False, str(answer)))
        elif isinstance(answer, BaseException):
            raise answer
        elif _is_api(answer):
            found[api] = endpoint.base_urls[api]
            checks.append(Check(f"{api} API", True, f"answers at {urls[api]}"))
        else:
            checks.append(Check(f"{api} API", False, f"HTTP {answer.status} from {urls[api]}: {redact(answer.says)}"))
    if not found:
        tried = "; ".join(check.detail for check in checks)
        if any(isinstance(answer, _Answer) and answer.status in (401, 403) for answer in answers.values()):
            what = "refuses the key in" if endpoint.key else "wants a key: put it into"
            raise UserError(f"{endpoint.name} {what} {endpoint.key_env or KEY_ENV} ({tried})")
        raise UserError(f"{endpoint.name} speaks none of the wire APIs ({tried}); check the base URL")
    return found, checks


def _is_api(answer: _Answer) -> bool:
    absent = answer.status in (404, 405, 501) and "model" not in answer.says.lower()
    redirected = 300 <= answer.status < 400
    page = "html" in answer.content_type or (answer.status < 400 and not isinstance(parse_json(answer.body), dict))
    return not (absent or redirected or page or answer.status in (401, 403))


async def _models(asker: _Asker) -> list[dict[str, Any]]:
    api = next(iter(asker.endpoint.base_urls))
    try:
        answer = await asker.ask("GET", asker.endpoint.url(api, "models"), api)
    except UserError:
        return []
    value = parse_json(answer.body) if answer.status == 200 else None
    data = value.get("data") if isinstance(value, dict) else None
    return [entry for entry in data if isinstance(entry, dict)] if isinstance(data, list) else []


def _model_checks(endpoint: Endpoint, models: list[dict[str, Any]]) -> list[Check]:
    ids = [str(entry.get("id")) for entry in models]
    if not ids:
        return [Check("model list", None, "GET /models lists nothing")]
    if endpoint.model in ids:
        return [Check("model list", True, f"{endpoint.model} is listed")]
    shown = ", ".join(ids[:_LISTED]) + (" …" if len(ids) > _LISTED else "")
    return [Check("model list", False, f"{endpoint.model} is not listed; the endpoint has {shown}")]


def _context(models: list[dict[str, Any]], model: str) -> int | None:
    """Context window, as servers tell it: vLLM, SGLang ``max_model_len``; OpenRouter ``context_length``; llama.cpp
    ``meta.n_ctx``."""
    entry = next((entry for entry in models if entry.get("id") == model), {})
    meta = entry.get("meta")
    places = [entry, meta if isinstance(meta, dict) else {}]
    for place in places:
        for name in ("max_model_len", "context_length", "context_window", "n_ctx"):
            if isinstance(place.get(name), int) and place[name] > 0:
                return int(place[name])
    return None


async def _try(asker: _Asker, api: Api) -> tuple[list[Check], bool, bool]:
    """A small completion, with a system message in mid-conversation if that is taken, else without."""
    checks: list[Check] = []
    for late_system in (True, False):
        body = _probe(asker.endpoint, api, late_system)
        try:
            answer = await asker.ask("POST", asker.endpoint.url(api), api, body)
        except UserError as error:
            return [*checks, Check(f"{api} completion", False, str(error))], False, late_system
        name = f"{api} completion" + (", system message in mid-conversation" if late_system else "")
        response = wire.parse_body(api, answer.status, answer.body, streamed=False)
        if response.failure is None:
            return [*checks, Check(name, True, f"HTTP {answer.status}")], True, late_system
        checks.append(Check(name, False, f"HTTP {answer.status}: {response.failure.message[:200]}"))
        if answer.status != 400 and answer.status != 422 and answer.status != 500:
            break
    return checks, False, True


def _probe(endpoint: Endpoint, api: Api, late_system: bool) -> dict[str, Any]:
    conversation = [
        Message("system", (Text("You are terse."),)),
        Message("user", (Text("Say hello."),)),
    ]
    if late_system:
        conversation += [
            Message("assistant", (Text("Hello."),)),
            Message("system", (Text("The date has changed."),)),
            Message("user", (Text("Say hello again."),)),
        ]
    request = Request(model=endpoint.model, messages=tuple(conversation), max_tokens=16)
    dialect = replace(endpoint.dialect, system_anywhere=True)
    body: dict[str, Any] = wire.api(api).render_request(request, dialect).body
    return body


def _refusal(agent: AgentAdapter, endpoint: Endpoint, failures: dict[Api, str]) -> str | None:
    api = endpoint.api_for(agent.apis[0])
    if api in failures:
        return f"{api}: {failures[api]}"
    room = agent.prompt_tokens + _REPLY_TOKENS
    if endpoint.context is not None and endpoint.context < room:
        return (
            f"context window {endpoint.context:,} tokens; {agent.title} needs about {agent.prompt_tokens:,} for its "
            f"own prompt and tools and {_REPLY_TOKENS:,} to work in"
        )
    return None
