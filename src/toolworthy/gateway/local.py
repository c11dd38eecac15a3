"""What the gateway answers by itself, where the endpoint has nothing of the kind."""

from __future__ import annotations

from typing import Any

from toolworthy import wire
from toolworthy.wire.ir import Api, Failure


def model_list(model: str, api: Api | None) -> dict[str, Any]:
    """A list of the one model under test, in the shape that the agent expects."""
    if api == "messages":
        entry = {"type": "model", "id": model, "display_name": model, "created_at": "2026-01-01T00:00:00Z"}
        return {"data": [entry], "has_more": False, "first_id": model, "last_id": model}
    return {"object": "list", "data": [{"id": model, "object": "model", "created": 0, "owned_by": "endpoint"}]}


def token_estimate(body: bytes) -> dict[str, int]:
    """Four bytes a token: near enough for an agent that asks whether its context is full."""
    return {"input_tokens": max(1, len(body) // 4)}


def error(api: Api | None, status: int, message: str) -> dict[str, Any]:
    """An error of the gateway's own, in the agent's envelope."""
    failure = Failure(f"toolworthy gateway: {message}", status=status)
    return wire.api(api or "chat").render_error(failure)
