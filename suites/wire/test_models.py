"""What agents and their clients ask beside completions: lists of models, counts, whether anybody is there."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from toolworthy.wire.failure import parse_error
from toolworthy.wire.ir import Message
from toolworthy.wire.lenient import as_dict, as_int, as_list, as_str, dump_json
from toolworthy.work.probes import Ask, Broken, Ignored, Rejected, Unmeasured, probe
from toolworthy.work.probes.answer import SideAnswer
from toolworthy.work.probes.ask import user
from toolworthy.work.probes.material import TOOLS, called, results

ABSENT = (401, 403, 404, 405, 410, 501)
"""Statuses of an endpoint that does not have this."""


def there(answer: SideAnswer) -> Mapping[str, Any]:
    """The JSON object of an answer.

    Raises:
        Rejected: the endpoint says clearly that it has no such thing.
        Broken: it does not answer, or says so in a way that no client reads.
    """
    if not answer.status:
        raise Broken("no answer")
    if answer.page:
        raise Broken(f"HTTP {answer.status} with {answer.page}, but clients expect JSON")
    if answer.status in ABSENT:
        raise Rejected(f"HTTP {answer.status}: {parse_error(answer.status, answer.body).message[:200]}")
    if answer.status != 200 or not isinstance(answer.value, dict):
        raise Broken(f"HTTP {answer.status}: {answer.body[:120]!r}")
    return as_dict(answer.value)


def at_root(ask: Ask, path: str) -> str:
    """The URL of a path at the host of the endpoint."""
    parts = urlsplit(ask.endpoint.url(ask.api))
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


@probe("the list of models", "chat", "messages", modes="none", severity="cosmetic", situation="side-request")
async def test_models_list(ask: Ask) -> None:
    """``GET /v1/models`` lists the model that is asked for. Claude Code, Qwen Code, Cline and Zed show the list."""
    answer = await ask.post(None, "/v1/models")
    value = there(SideAnswer(answer.status, answer.exchange.body))
    listed = [as_dict(entry) for entry in as_list(value.get("data"))]
    if not listed:
        raise Broken(f"HTTP {answer.status}: {answer.exchange.body[:120]!r}")
    nameless = next((entry for entry in listed if not as_str(entry.get("id"))), None)
    if nameless is not None:
        raise Broken(f"an entry has no id: {dump_json(nameless)[:120]}")
    ids = [str(entry["id"]) for entry in listed]
    if ask.endpoint.model not in ids:
        raise Broken(f"{ask.endpoint.model} is not in the list, which has {', '.join(ids[:5])}")
    odd = next((entry["created"] for entry in listed if not isinstance(entry.get("created", 0), int)), None)
    if odd is not None:
        raise Broken(f"created is {odd!r}, but typed clients expect whole seconds")
    if value.get("has_more") and as_str(value.get("last_id")) not in ids:
        raise Broken("has_more is true, but last_id names no entry: a client that reads page after page never finishes")


@probe(
    "the list of models in Codex's format",
    "responses",
    modes="none",
    severity="cosmetic",
    agents=("codex",),
    situation="side-request",
)
async def test_models_codex(ask: Ask) -> None:
    """``GET /v1/models?client_version=`` with ``models``, each with a ``slug``. Without, Codex logs an error and uses
    what it knows itself; with ``--oss`` it does not start."""
    url = f"{ask.endpoint.url(ask.api, 'models')}?client_version=0.169.0"
    value = there(await ask.direct("GET", url, headers=ask.endpoint.headers(ask.api)))
    if "models" not in value:
        raise Rejected("the list has no models, only data")
    wrong = [entry for entry in as_list(value["models"]) if not as_str(as_dict(entry).get("slug"))]
    if wrong or not isinstance(value["models"], list):
        raise Broken(f"an entry of models has no slug: {dump_json(wrong[0] if wrong else value['models'])[:120]}")


@probe(
    "one model by its id",
    "chat",
    "messages",
    modes="none",
    severity="cosmetic",
    agents=("claude-code",),
    situation="side-request",
)
async def test_model_by_id(ask: Ask) -> None:
    """``GET /v1/models/ID``, as Claude Code and editors check a model's name; the id may hold a slash."""
    url = f"{ask.endpoint.url(ask.api, 'models')}/{quote(ask.endpoint.model, safe='/')}"
    value = there(await ask.direct("GET", url, headers=ask.endpoint.headers(ask.api)))
    if value.get("id") != ask.endpoint.model:
        raise Broken(f"requested {ask.endpoint.model}, received {dump_json(value)[:120]}")


@probe(
    "counting tokens", "messages", modes="none", severity="degrades", agents=("claude-code",), situation="side-request"
)
async def test_count_tokens(ask: Ask) -> None:
    """``POST /v1/messages/count_tokens``; Claude Code lives with a 404, not with a wrong number, by which it decides
    when to shorten the conversation. Most of that is results."""
    text = "word " * 500
    talk = (user(text), called(("toolu_a", "read_file", {"path": "a.py"})), results(("toolu_a", text)))
    short, long = await counted(ask, talk[0]), await counted(ask, *talk)
    if not 250 < short < 5_000:
        raise Broken(f"500 words and three tools count as {short} tokens")
    if long < short + 250:
        raise Broken(f"500 words count as {short} tokens, and with a result of 500 words as {long}")


async def counted(ask: Ask, *conversation: Message) -> int:
    """What a conversation is counted as, with tools."""
    body = ask.body(ask.request(*conversation, tools=TOOLS))
    kept = {name: body[name] for name in ("model", "messages", "tools", "system") if name in body}
    answer = await ask.post(dump_json(kept).encode(), "/v1/messages/count_tokens")
    value = there(SideAnswer(answer.status, answer.exchange.body))
    if not isinstance(value.get("input_tokens"), int):
        raise Broken(f"input_tokens is not a number: {dump_json(value)[:120]}")
    return as_int(value.get("input_tokens")) or 0


@probe("HEAD /", "messages", modes="none", severity="cosmetic", agents=("*",), situation="side-request")
async def test_head_root(ask: Ask) -> None:
    """Claude Code asks for the root before it starts; the gateway answers for the endpoint."""
    status = (await ask.direct("HEAD", at_root(ask, "/"))).status
    if not status:
        raise Broken("no answer to HEAD /")
    if status >= 500:
        raise Broken(f"HEAD / gets HTTP {status}")
    if status >= 400:
        raise Rejected(f"HTTP {status}")
    if behind := await ask.behind_head(at_root(ask, "/")):
        raise Broken(f"the response to HEAD has a body, which clients read as the next response: {behind}")


@probe("a health check", "chat", modes="none", severity="cosmetic", situation="side-request")
async def test_health(ask: Ask) -> None:
    """``GET /health``, by which scripts and routers wait for a server: 200 while it answers, or no such route."""
    answer = await ask.direct("GET", at_root(ask, "/health"))
    if not answer.status or answer.status >= 500:
        raise Broken(f"HTTP {answer.status}, while requests are answered" if answer.status else "no answer")


@probe("a response by its id", "responses", modes="none", severity="cosmetic", situation="side-request")
async def test_response_by_id(ask: Ask) -> None:
    """``GET /v1/responses/ID`` after ``store: true``, as OpenAI's clients poll: the response, or an error."""
    made = await ask.accepted(ask.request(user("Reply with exactly: Hello."), stream=False), fields={"store": True})
    if not made.response.id:
        raise Unmeasured("the response has no id")
    url = f"{ask.endpoint.url(ask.api)}/{made.response.id}"
    value = there(await ask.direct("GET", url, headers=ask.endpoint.headers(ask.api)))
    if value.get("object") != "response" or value.get("id") != made.response.id:
        raise Broken(f"requested {made.response.id}, received {dump_json(value)[:120]}")
    if not as_list(value.get("output")):
        raise Ignored("the stored response has no output")


@probe("an error for an unknown route", "chat", "responses", modes="none", severity="cosmetic", situation="bad-request")
async def test_error_unknown_route(ask: Ask) -> None:
    """An answer to a route that nobody has is no success, and no web page: clients show its words."""
    answer = await ask.direct("GET", at_root(ask, "/v1/no-such-route-9000"))
    if answer.status == 200:
        raise Broken("a route that does not exist gets HTTP 200")
    if answer.page:
        raise Broken(f"HTTP {answer.status} with {answer.page}")
