"""The server between agents and the endpoint: it records every byte, translates, and keeps limits.

May import: `base` to `endpoint`.
Does not belong here: judging what passes through.
"""

from toolworthy.gateway.handler import ask
from toolworthy.gateway.server import serve_trial
from toolworthy.gateway.session import Gateway, Session

__all__ = ["Gateway", "Session", "ask", "serve_trial"]
