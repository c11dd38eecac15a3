"""The server between agents and the endpoint: it records every byte, translates, and keeps limits.

May import: `base` to `endpoint`.
Does not belong here: judging what passes through.
"""

from toolworthy.gateway._server import serve_trial
from toolworthy.gateway._session import Gateway, Session
from toolworthy.gateway.handler import ask

__all__ = ["Gateway", "Session", "ask", "serve_trial"]
