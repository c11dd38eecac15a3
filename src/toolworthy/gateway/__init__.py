"""The recording server between agents and the endpoint."""

from toolworthy.gateway.server import Gateway, Session

__all__ = ["Gateway", "Session"]
