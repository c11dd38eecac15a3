"""Find an endpoint's wire APIs: at the given base URL, or at one that the user may have meant."""

from __future__ import annotations

import asyncio

from toolworthy import wire
from toolworthy.endpoint._base_url import redirected
from toolworthy.endpoint.preflight._client import Asker
from toolworthy.endpoint.preflight._completion import try_completion
from toolworthy.endpoint.preflight._model import Check, Tried
from toolworthy.endpoint.target import Endpoint
from toolworthy.wire.ir import Api

_NEAR = 2
"""Addresses to try for every API: as given, and with ``/v1`` or without. Others only if no API is found."""


async def find(asker: Asker, endpoint: Endpoint) -> dict[Api, list[Tried]]:
    """Every API with its attempts; the last is the right address, if there is one."""
    tried: dict[Api, list[Tried]] = {api: [] for api in endpoint.base_urls}
    places = {api: [base, *endpoint.variants.get(api, ())] for api, base in endpoint.base_urls.items()}
    for number in range(max(map(len, places.values()), default=0)):
        if number >= _NEAR and any(_is_found(ways) for ways in tried.values()):
            break
        if number and all(ways and not ways[-1].answer.status for ways in tried.values()):
            break  # nobody listens there
        missing = [api for api, ways in tried.items() if not _is_found(ways)]
        await asyncio.gather(*(_try(asker, endpoint, api, places[api][number:][:1], tried[api]) for api in missing))
    return {api: ways if _is_found(ways) else ways[:1] for api, ways in tried.items()}


async def _try(asker: Asker, endpoint: Endpoint, api: Api, bases: list[str], tried: list[Tried]) -> None:
    for base in bases:
        if base in (way.base_url for way in tried):
            continue
        tried.append(await try_completion(asker, endpoint.at({api: base}), api))
        answer = tried[-1].answer
        moved = redirected(base, _without_route(endpoint, api, base, answer.headers.get("location", "")))
        if 300 <= answer.status < 400 and moved:
            tried.append(await try_completion(asker, endpoint.at({api: moved}), api))


def _without_route(endpoint: Endpoint, api: Api, base: str, location: str) -> str:
    """The base URL of a redirection's target."""
    route = endpoint.at({api: "http://x"}).url(api).removeprefix("http://x")
    return location.partition("?")[0].rstrip("/").removesuffix(route)


def _is_found(tried: list[Tried]) -> bool:
    return bool(tried) and tried[-1].state != "absent"


def readings(endpoint: Endpoint, tried: dict[Api, list[Tried]]) -> list[Check]:
    """How the base URL was interpreted, if not literally."""
    base_url = endpoint.given.rstrip("/")
    reached = {api: ways[-1] for api, ways in tried.items() if ways[-1].state != "absent"}
    moved = {api: way for api, way in reached.items() if way.base_url != endpoint.base_urls[api]}
    checks: list[Check] = []
    for base in dict.fromkeys(way.base_url for way in moved.values()):
        apis = [api for api, way in moved.items() if way.base_url == base]
        which = "" if len(apis) == len(reached) or _follows(reached, base) else f"{' and '.join(apis)} "
        first = endpoint.base_urls[apis[0]]
        answer = tried[apis[0]][0].answer.summary
        checks.append(_reading(f"{first}: no {which}API there ({answer}); using {base}"))
    cut = next((url for api, url in endpoint.base_urls.items() if wire.api(api).base), base_url)
    if base_url and reached and cut != base_url and not moved:
        checks.append(_reading(f"{base_url} read as {cut}"))
    return checks


def _follows(reached: dict[Api, Tried], base: str) -> bool:
    """Whether the APIs that were not moved are those whose paths include ``/v1``."""
    return all(way.base_url == base or f"{way.base_url}/v1" == base for way in reached.values())


def _reading(text: str) -> Check:
    return Check("base URL", None, text, reading=True)
