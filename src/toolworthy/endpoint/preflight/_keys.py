"""If one API refuses a key that another accepts, try the other header."""

from __future__ import annotations

from dataclasses import replace

from toolworthy import wire
from toolworthy.endpoint._base_url import join
from toolworthy.endpoint.preflight._client import Asker
from toolworthy.endpoint.preflight._completion import try_completion
from toolworthy.endpoint.preflight._model import Check, Tried
from toolworthy.endpoint.target import Endpoint
from toolworthy.wire.declaration import KEY_HEADERS, Auth
from toolworthy.wire.ir import APIS, Api

_NOWHERE = "/no-such-route-9000"


async def settle(asker: Asker, endpoint: Endpoint, tried: dict[Api, list[Tried]]) -> tuple[Endpoint, list[Check]]:
    """The endpoint with the key in the header that each API accepts.

    New attempts are appended to `tried`. An API that refuses the key in both headers becomes one of
    :attr:`Endpoint.shut`, unless every path refuses it: then the API is missing.

    Args:
        asker: of the endpoint.
        endpoint: as the user named it.
        tried: the result of each API.
    """
    if not endpoint.key or endpoint.auth or not any(ways[-1].state == "answers" for ways in tried.values()):
        return endpoint, []
    checks: list[Check] = []
    for api, ways in tried.items():
        if not ways[-1].answer.refuses_key:
            continue
        changed = endpoint.authorised(api, _other(endpoint.provider.auth.get(api, wire.api(api).auth)))
        again = await try_completion(asker.to(changed), changed.at({api: ways[-1].base_url}), api)
        if again.state == "answers":
            detail = f"refuses the key in {_header(endpoint, api)} and takes it in {_header(changed, api)}: using that"
            endpoint = changed
            checks.append(Check(f"{api} API", None, detail, reading=True))
        if not again.answer.refuses_key:
            ways.append(again)
        elif (await asker.post(join(again.base_url, _NOWHERE), {}, api)).refuses_key:
            ways.append(replace(again, state="absent"))  # any path is refused alike
        else:
            endpoint = endpoint.without_key(api)
    return endpoint, checks


def _other(own: Auth) -> Auth:
    """The first other way of any API to send a key."""
    return next(way for way in (wire.api(api).auth for api in APIS) if way != own)


def _header(endpoint: Endpoint, api: Api) -> str:
    return ", ".join(endpoint.headers(api).keys() & KEY_HEADERS)
