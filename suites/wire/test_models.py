"""What is asked beside completions."""

from toolworthy.wire.lenient import as_dict, as_int, as_list, dump_json, parse_json
from toolworthy.work.probes import Ask, Broken, Rejected, probe
from toolworthy.work.probes.ask import user
from toolworthy.work.probes.material import TOOLS


@probe("the list of models", "chat", "messages", modes="none", severity="cosmetic", situation="side-request")
async def test_models_list(ask: Ask) -> None:
    """``GET /v1/models`` lists the model that is asked for."""
    answer = await ask.post(None, "/v1/models")
    if answer.status in (401, 403, 404, 405, 501):
        raise Rejected(f"HTTP {answer.status}")
    listed = as_list(as_dict(parse_json(answer.exchange.body)).get("data"))
    if answer.status != 200 or not listed:
        raise Broken(f"HTTP {answer.status}: {answer.exchange.body[:120]!r}")
    ids = [str(as_dict(entry).get("id")) for entry in listed]
    if ask.endpoint.model not in ids:
        raise Broken(f"{ask.endpoint.model} is not in the list, which has {', '.join(ids[:5])}")


@probe(
    "counting tokens", "messages", modes="none", severity="degrades", agents=("claude-code",), situation="side-request"
)
async def test_count_tokens(ask: Ask) -> None:
    """``POST /v1/messages/count_tokens``; Claude Code lives with a 404, not with a wrong number."""
    body = ask.body(ask.request(user("word " * 500), tools=TOOLS))
    kept = {name: body[name] for name in ("model", "messages", "tools", "system") if name in body}
    answer = await ask.post(dump_json(kept).encode(), "/v1/messages/count_tokens")
    if answer.status in (404, 405, 501):
        raise Rejected(f"HTTP {answer.status}")
    if answer.status != 200:
        raise Broken(f"HTTP {answer.status}: {answer.exchange.body[:120]!r}")
    count = as_int(as_dict(parse_json(answer.exchange.body)).get("input_tokens"))
    if count is None or not 250 < count < 5_000:
        raise Broken(f"500 words and three tools count as {count} tokens")


@probe("an error for an unknown route", "chat", "responses", modes="none", severity="cosmetic", situation="bad-request")
async def test_error_unknown_route(ask: Ask) -> None:
    """An answer to a route that nobody has is no success."""
    if await ask.direct("GET", path="/v1/no-such-route-9000") == 200:
        raise Broken("a route that does not exist gets HTTP 200")
