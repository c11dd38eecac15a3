"""What the gateway answers by itself, where the endpoint has nothing of the kind."""

from __future__ import annotations

from typing import Any

from toolworthy import wire
from toolworthy.wire.ir import APIS, Api, Failure


def token_estimate(body: bytes, api: Api) -> dict[str, Any]:
    """Four bytes a token: near enough for an agent that asks whether its context is full."""
    return wire.api(api).render_count(max(1, len(body) // 4))


def error(api: Api | None, status: int, message: str) -> dict[str, Any]:
    """An error of the gateway's own, in the agent's envelope."""
    failure = Failure(f"toolworthy gateway: {message}", status=status)
    return wire.api(api or APIS[0]).render_error(failure)
