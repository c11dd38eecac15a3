"""User errors that end a run before it begins, each with a one-line remedy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from toolworthy.base.errors import ToolworthyError
from toolworthy.endpoint.preflight import _models as models
from toolworthy.endpoint.preflight._model import Tried
from toolworthy.endpoint.target import Endpoint
from toolworthy.records.meta import KEY_ENV
from toolworthy.wire.failure import RefusalKind
from toolworthy.wire.ir import Api


def stop_if_useless(endpoint: Endpoint, tried: dict[Api, list[Tried]]) -> None:
    """Stop if nothing can be measured, for a reason that does not depend on the model's name.

    Raises:
        ToolworthyError: in one line.
    """
    last = [ways[-1] for ways in tried.values()]
    if any(way.state == "answers" for way in last):
        return
    if limited := _of("rate limited", last):
        raise ToolworthyError(f"{endpoint.name}: {_limited(limited)}")
    if broke := _of("empty account", last):
        raise ToolworthyError(
            f"{endpoint.name}: the account or key has no credit left ({_quote(broke)}). Add credit, or use another key."
        )
    if refused := _of("bad key", last):
        raise ToolworthyError(f"{endpoint.name} {_key(endpoint)} ({_quote(refused)}). {_KEY_REMEDY}")
    if gone := next((way for way in last if way.answer.busy), None):
        raise ToolworthyError(
            f"{endpoint.name} has been overloaded for {gone.answer.waited:.0f} s ({_quote(gone)}). Try again later."
        )


def stop_if_unknown_model(endpoint: Endpoint, tried: dict[Api, list[Tried]], listed: list[dict[str, Any]]) -> None:
    """Stop if the endpoint has no such model: it says so, or rejects a model that it does not list.

    Raises:
        ToolworthyError: in one line, with the nearest name.
    """
    last = [ways[-1] for ways in tried.values()]
    names = [models.name_of(entry) for entry in listed]
    if any(way.state == "answers" for way in last):
        return
    unlisted = bool(names) and endpoint.model not in names
    reasons = [way for way in last if way.refusal and way.state == "fails"] if unlisted else []
    if (refused := _of("unknown model", last) or next(iter(reasons), None)) is None:
        return
    near = models.nearest(endpoint.model, names) if unlisted else None
    hint = f"; did you mean {near!r}?" if near else "."
    to_do = f"Give --model ID, one of {models.shown(names)}." if unlisted else "Give another --model ID."
    raise ToolworthyError(f"{endpoint.name} has no model {endpoint.model!r} ({_quote(refused)}){hint} {to_do}")


def stop_if_nothing_is_there(endpoint: Endpoint, tried: dict[Api, list[Tried]]) -> None:
    """Stop if no wire API is available, or not the requested one.

    Raises:
        ToolworthyError: in one line.
    """
    if all(ways[-1].answer.trouble and not ways[-1].answer.status for ways in tried.values()):
        raise ToolworthyError(next(ways[-1] for ways in tried.values()).answer.trouble)
    there = [api for api, ways in tried.items() if ways[-1].state != "absent"]
    if not there:
        raise ToolworthyError(f"{endpoint.name} speaks none of the wire APIs ({_all(tried)}). Check the base URL.")
    if endpoint.forced_api and endpoint.forced_api not in there:
        answer = _quote(tried[endpoint.forced_api][0])
        raise ToolworthyError(
            f"{endpoint.name} has no {endpoint.forced_api} API ({answer}). Give --wire, one of {', '.join(there)}."
        )


def _of(kind: RefusalKind, tried: Iterable[Tried]) -> Tried | None:
    return next((way for way in tried if way.refusal and way.refusal.kind == kind), None)


def _quote(tried: Tried) -> str:
    return f"{tried.answer.summary} from {tried.answer.url}"


def _all(tried: dict[Api, list[Tried]]) -> str:
    """The response of each address, grouped by response."""
    by_answer: dict[str, list[str]] = {}
    for way in (ways[0] for ways in tried.values()):
        by_answer.setdefault(way.answer.summary, []).append(way.answer.url)
    return "; ".join(f"{summary} from {', '.join(urls)}" for summary, urls in by_answer.items())


def _limited(tried: Tried) -> str:
    refusal, answer = tried.refusal, tried.answer
    assert refusal is not None
    if refusal.retry_after and refusal.retry_after > answer.waited:
        return f"rate limited ({_quote(tried)}). Try again in {refusal.retry_after:,.0f} s, or use another key."
    return f"rate limited for {answer.waited:.0f} s ({_quote(tried)}). Try again later, or use another key."


def _key(endpoint: Endpoint) -> str:
    own = [f"{header.name} ({header.variable})" for header in endpoint.extra if header.variable]
    if own:
        return f"refused the key in its header {', '.join(own)}"
    variable = endpoint.key_env or KEY_ENV
    return f"refused the key in {variable}" if endpoint.key else f"requires a key, and {variable} is not set"


_KEY_REMEDY = "Put a valid key there, or name the endpoint's own header under headers in toolworthy.toml."
