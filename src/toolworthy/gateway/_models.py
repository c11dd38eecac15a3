"""The gateway's own list of models, for an endpoint that has none in the agent's API."""

from __future__ import annotations

from typing import Any

from toolworthy import wire
from toolworthy.wire.declaration import Route
from toolworthy.wire.ir import Failure


def models(route: Route, own: str, status: int) -> tuple[int, dict[str, Any]]:
    """Status and body: the list, or the entry that was asked for.

    Args:
        route: the agent's.
        own: the endpoint's model.
        status: of the endpoint's answer.
    """
    assert route.api is not None
    api = wire.api(route.api)
    if route.model is None:
        return 200, api.render_models(own, None)
    if status == 200 or route.model == own:
        return 200, api.render_model(route.model, None)
    why = f"toolworthy gateway: the endpoint does not know the model {route.model}"
    return 404, api.render_error(Failure(why, status=404))
