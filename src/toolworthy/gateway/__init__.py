"""The server between agents and the endpoint: records every byte, translates, and enforces limits.

May import: `base` to `endpoint`.
Does not belong here: judging the traffic (`rules`).
"""

from toolworthy.gateway._server import serve_trial
from toolworthy.gateway._session import Gateway, GatewaySession
from toolworthy.gateway.handler import ask

__all__ = ["Gateway", "GatewaySession", "ask", "serve_trial"]
