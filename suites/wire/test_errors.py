"""Mistakes of a client: are they told in words that it can show, with a status that it understands?"""

from toolworthy import wire
from toolworthy.gateway.retries import busy
from toolworthy.wire.ir import Failure
from toolworthy.wire.lenient import as_dict, parse_json
from toolworthy.work.probes import EVERY_AGENT, Ask, Broken, Ignored, Rejected, probe
from toolworthy.work.probes.answer import Answer, accept
from toolworthy.work.probes.ask import user
from toolworthy.work.probes.material import TOOLS, called, results
from toolworthy.work.probes.recovery import recovered


def refused(ask: Ask, answer: Answer, *statuses: int) -> None:
    """The answer is an error in the API's own envelope, with one of these statuses (any of 4xx if none is given)."""
    if answer.status < 400 or busy(answer.exchange):
        accept(answer)
        raise Ignored(f"HTTP {answer.status} instead of an error")
    if answer.status >= 500:
        raise Broken(f"an invalid request gets HTTP {answer.status}: {answer.message[:120]}")
    if not answer.refused:
        raise Broken(f"HTTP {answer.status} without a readable reason: {answer.exchange.body[:120]!r}")
    value = as_dict(parse_json(answer.exchange.body))
    if not as_dict(value.get("error")).get("message"):
        raise Broken(f"the error has no error.message: {answer.exchange.body[:120]!r}")
    for name, due in wire.api(ask.api).render_error(Failure("")).items():
        if name != "error" and value.get(name) != due:
            raise Broken(f"the error lacks {name}: {due}: {answer.exchange.body[:120]!r}")
    if statuses and answer.status not in statuses:
        raise Broken(
            f"HTTP {answer.status} where {' or '.join(map(str, statuses))} is expected: {answer.message[:120]}"
        )


@probe("an error for bad JSON", modes="none", severity="cosmetic", situation="bad-request")
async def test_error_bad_json(ask: Ask) -> None:
    """A body that is cut off: 400, with a reason."""
    refused(ask, await ask.post(b'{"model": "m", "messages": ['), 400, 422)


@probe("an error for an unknown model", modes="none", severity="cosmetic", situation="bad-request")
async def test_error_unknown_model(ask: Ask) -> None:
    """404 (or 400), naming the model. Servers with one model often take any name."""
    body = ask.body(ask.request(user("Reply with exactly: Hello.")))
    refused(ask, await ask.send({**body, "model": "no-such-model-9000"}), 400, 403, 404, 422)


@probe("an error for an empty message list", modes="none", severity="cosmetic", situation="bad-request")
async def test_error_no_messages(ask: Ask) -> None:
    """An empty conversation."""
    body = ask.body(ask.request(user("x")))
    refused(ask, await ask.send({**body, wire.api(ask.api).conversation: []}), 400, 422)


@probe("an error for a bad tool schema", modes="none", severity="cosmetic", situation="bad-request")
async def test_error_bad_schema(ask: Ask) -> None:
    """``"type": "objekt"``: refused in words, or taken; never a failure of the server."""
    body = ask.body(ask.request(user("Reply with exactly: Hello."), tools=TOOLS))
    text = ask.written(body).replace('"type": "object"', '"type": "objekt"')
    answer = await ask.post(text.encode())
    if answer.status >= 400:
        refused(ask, answer)


@probe("an error for a value of the wrong type", modes="none", severity="cosmetic", situation="bad-request")
async def test_error_bad_type(ask: Ask) -> None:
    """A number where the messages should be: 400 or 422."""
    body = ask.body(ask.request(user("x")))
    refused(ask, await ask.send({**body, wire.api(ask.api).conversation: 7}), 400, 422)


@probe("an error for an unknown role", "chat", "messages", modes="none", severity="cosmetic", situation="bad-request")
async def test_error_unknown_role(ask: Ask) -> None:
    """A role that no API has."""
    body = ask.body(ask.request(user("x")))
    refused(ask, await ask.send({**body, "messages": [{"role": "wizard", "content": "Hello."}]}), 400, 422)


@probe(
    "an error for a streaming request",
    modes="stream",
    severity="degrades",
    agents=EVERY_AGENT,
    situation="bad-request",
    tier="quick",
)
async def test_error_while_streaming(ask: Ask) -> None:
    """The same error, with its status, not a stream of 200 that holds it."""
    body = ask.body(ask.request(user("x")))
    answer = await ask.send({**body, wire.api(ask.api).conversation: []})
    if answer.status == 200 and answer.response.failure:
        raise Broken("the error is inside a stream with HTTP 200")
    refused(ask, answer)


@probe("an error for a result without its call", modes="none", severity="cosmetic", situation="bad-request")
async def test_error_orphan_result(ask: Ask) -> None:
    """A result of a call that nobody made: refused in words, or taken; never a failure of the server."""
    answer = await ask.send(ask.request(user("x"), results(("call_none", "y")), tools=TOOLS))
    if answer.status >= 400:
        refused(ask, answer)


@probe("a lone surrogate", modes="none", severity="degrades", agents=EVERY_AGENT, situation="bad-request")
async def test_lone_surrogate(ask: Ask) -> None:
    """Half an emoji, as tools cut it: taken, or refused in words; never a failure of the server."""
    call = ("call_a", "read_file", {"path": "a"})
    order = ask.request(user("Read it."), called(call), results(("call_a", "MARK")), tools=TOOLS)
    answer = await ask.post(ask.written(ask.body(order)).replace("MARK", "half an emoji: \\ud83d").encode())
    if answer.status >= 400:
        refused(ask, answer)
        raise Rejected(f"HTTP {answer.status}: {answer.message[:200]}")
    accept(answer)


@probe("valid requests after an invalid one", modes="none", agents=EVERY_AGENT, situation="refused-request", late=True)
async def test_good_after_bad(ask: Ask) -> None:
    """A bad request is refused, and the next good one is answered: nothing is locked for a while."""
    body = ask.body(ask.request(user("x")))
    wrong = {"generationConfig": {"maxOutputTokens": "many"}} if ask.api == "gemini" else {"max_tokens": "many"}
    bad = ask.surface.knowledge.locks.get(ask.api) or ask.written({**body, **wrong}).encode()
    waited = []
    for _ in range(2):
        await ask.post(bad)
        waited.append(await recovered(ask))
        if not waited[-1].seconds:
            return
    longest = max(waited, key=lambda recovery: recovery.seconds)
    until = "" if longest.answered else "more than "
    raise Broken(f"rejects valid requests for {until}{longest.seconds:.0f} s after a bad one: {longest.why}")
