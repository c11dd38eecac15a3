"""The endpoint that a user names; without a model, the only one that the endpoint lists."""

from __future__ import annotations

import asyncio

from toolworthy.base.errors import ToolworthyError
from toolworthy.cli._event_loop import run_until_signal
from toolworthy.endpoint.preflight import model_ids
from toolworthy.endpoint.target import Endpoint
from toolworthy.wire.ir import Api

_SHOWN = 6


def named_endpoint(
    name: str, model: str | None, key_env: str | None, wire: Api | None, *, seconds: float, more_time: str = ""
) -> Endpoint:
    """The named endpoint.

    Args:
        name: a URL, a provider, a name from ``toolworthy.toml``, or ``oracle``.
        model: model id.
        key_env: environment variable of the key.
        wire: force this API upstream.
        seconds: time limit for its list of models.
        more_time: the user's option for more time, for the message.

    Raises:
        ToolworthyError: no request can be sent there, it does not list exactly one model, or not in time.
    """
    try:
        return Endpoint.of(name, model=model, key_env=key_env, wire=wire)
    except ToolworthyError:
        if model:
            raise
        anonymous = Endpoint.of(name, model="?", key_env=key_env, wire=wire)
    try:
        names = run_until_signal(asyncio.wait_for(model_ids(anonymous), seconds))
    except TimeoutError:
        option, otherwise = (f" ({more_time})", ", or more time") if more_time else ("", "")
        raise ToolworthyError(f"{name} did not list its models in time{option}. Give --model ID{otherwise}.") from None
    if len(names) > 1:
        more = " …" if len(names) > _SHOWN else ""
        raise ToolworthyError(
            f"{name} has {len(names)} models. Give --model ID, one of {', '.join(names[:_SHOWN])}{more}"
        )
    return Endpoint.of(name, model=names[0] if names else None, key_env=key_env, wire=wire)
