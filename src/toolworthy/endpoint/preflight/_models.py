"""Look up the requested model in the endpoint's list of models."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from toolworthy.base.errors import ToolworthyError
from toolworthy.content import providers
from toolworthy.endpoint.preflight._client import Asker
from toolworthy.endpoint.preflight._model import Check, PreflightAnswer
from toolworthy.endpoint.target import Endpoint
from toolworthy.wire.ir import APIS
from toolworthy.wire.lenient import as_dict, as_list, as_str, parse_json

_SHOWN = 8


async def listed(asker: Asker, endpoint: Endpoint) -> list[dict[str, Any]]:
    """The entries of ``GET /models``, from the first API that lists any."""
    urls: set[str] = set()
    for api in (api for api in APIS if api in endpoint.base_urls):
        url = endpoint.url(api, "models")
        if url in urls:
            continue
        urls.add(url)
        answer = await asker.get(url, api)
        if entries := _entries(answer):
            return entries
    return []


async def ids(asker: Asker, endpoint: Endpoint) -> list[str]:
    """Ids of the models that are listed at any candidate base URL.

    Raises:
        ToolworthyError: no candidate answers, or the key is refused.
    """
    urls = {
        endpoint.at({api: base}).url(api, "models"): api
        for api in endpoint.base_urls
        for base in (endpoint.base_urls[api], *endpoint.variants.get(api, ()))
    }
    for url, api in urls.items():
        answer = await asker.get(url, api)
        if not answer.status:
            raise ToolworthyError(answer.summary)
        if answer.refusal and answer.refusal.kind == "bad key":
            raise ToolworthyError(f"{url} refused the key ({answer.summary}). Name its variable with --key-env.")
        if names := [name_of(entry) for entry in _entries(answer)]:
            return names
    return []


def _entries(answer: PreflightAnswer) -> list[dict[str, Any]]:
    value = as_dict(parse_json(answer.body) if answer.status == 200 else None)
    data = as_list(value.get("data")) or as_list(value.get("models"))
    return [entry for entry in data if isinstance(entry, dict) and name_of(entry)]


def name_of(entry: dict[str, Any]) -> str:
    """The model's id."""
    return as_str(entry.get("id")) or as_str(entry.get("name"))


def check(endpoint: Endpoint, models: list[dict[str, Any]]) -> Check:
    """Whether the model that responds is listed."""
    names = [name_of(entry) for entry in models]
    if not names:
        return Check("model list", None, "GET /models lists nothing")
    if endpoint.model in names:
        return Check("model list", True, f"{endpoint.model} is listed")
    return Check("model list", None, f"{endpoint.model} is not listed but works; listed: {shown(names)}", reading=True)


def server(models: list[dict[str, Any]]) -> str:
    """Id of the server of these models, by their owner; "" if unknown."""
    provider = providers.by_owner(as_str(entry.get("owned_by")) for entry in models)
    return provider.id if provider else ""


def shown(names: list[str]) -> str:
    """The names, shortened for a message."""
    return ", ".join(names[:_SHOWN]) + (" …" if len(names) > _SHOWN else "")


def nearest(model: str, names: Iterable[str]) -> str | None:
    """The name that was probably meant: equal except for case or the owner's prefix, else a similar one."""
    known = {_normalized(name): name for name in reversed(list(names))}
    bare = {name.rpartition("/")[2]: full for name, full in known.items()}
    wanted = _normalized(model)
    for table, name in ((known, wanted), (bare, wanted), (known, wanted.rpartition("/")[2]), (bare, _last(wanted))):
        if name in table:
            return table[name]
    near = difflib.get_close_matches(wanted, known, 1) or difflib.get_close_matches(_last(wanted), bare, 1)
    return (known | bare)[near[0]] if near else None


def _normalized(name: str) -> str:
    return name.strip().casefold().replace("_", "-").removeprefix("models/")


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def context(models: list[dict[str, Any]], model: str) -> int | None:
    """Context window, as servers report it: vLLM, SGLang ``max_model_len``; OpenRouter ``context_length``; llama.cpp
    ``meta.n_ctx``."""
    entry = next((entry for entry in models if name_of(entry) == model), {})
    for place in (entry, as_dict(entry.get("meta"))):
        for name in ("max_model_len", "context_length", "context_window", "n_ctx"):
            if isinstance(place.get(name), int) and place[name] > 0:
                return int(place[name])
    return None
