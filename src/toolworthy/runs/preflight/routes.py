"""Where an endpoint's wire APIs are: at the base URL as it was given, or at one that the user may have meant."""

from __future__ import annotations

import asyncio

from toolworthy.endpoint import Endpoint
from toolworthy.runs.preflight.asker import Asker
from toolworthy.runs.preflight.completion import try_completion
from toolworthy.runs.preflight.model import Check, Tried
from toolworthy.wire.ir import Api


async def find(asker: Asker, endpoint: Endpoint) -> dict[Api, list[Tried]]:
    """Every API with what was tried of it: the last is where it is, if it is anywhere."""
    tried = await asyncio.gather(*(_find(asker, endpoint, api) for api in endpoint.base_urls))
    return dict(zip(endpoint.base_urls, tried, strict=True))


async def _find(asker: Asker, endpoint: Endpoint, api: Api) -> list[Tried]:
    tried: list[Tried] = []
    for base in (endpoint.base_urls[api], *endpoint.variants.get(api, ())):
        tried.append(await try_completion(asker, endpoint.at({api: base}), api))
        if tried[-1].state != "absent" or (tried[-1].refusal and tried[-1].refusal.kind == "bad key"):
            return tried
    return tried[:1]


def readings(endpoint: Endpoint, tried: dict[Api, list[Tried]]) -> list[Check]:
    """How the base URL was read, where that is not as it was given."""
    given = endpoint.given.rstrip("/")
    found = {api: ways[-1] for api, ways in tried.items() if ways[-1].state != "absent"}
    moved = {api: one for api, one in found.items() if one.base_url != endpoint.base_urls[api]}
    told: list[Check] = []
    for base in dict.fromkeys(one.base_url for one in moved.values()):
        apis = [api for api, one in moved.items() if one.base_url == base]
        which = "" if len(apis) == len(found) or _follows(found, base) else f"{' and '.join(apis)} "
        first = endpoint.base_urls[apis[0]]
        said = tried[apis[0]][0].answer.says
        told.append(_reading(f"{first}: no {which}API there ({said}); using {base}"))
    cut = endpoint.base_urls.get("chat", given)
    if given and found and cut != given and not moved:
        told.append(_reading(f"{given} read as {cut}"))
    return told


def _follows(found: dict[Api, Tried], base: str) -> bool:
    """Whether the APIs that were not moved are those that name ``/v1`` themselves."""
    return all(one.base_url == base or f"{one.base_url}/v1" == base for one in found.values())


def _reading(text: str) -> Check:
    return Check("base URL", None, text, reading=True)
