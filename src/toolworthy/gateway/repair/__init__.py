"""Repair responses in transit, for a person's own agent; never in a test or a trial, which must see the original.

Each repair is an editor of neutral events, or of a request's JSON, and records its changes. A stream stays a stream:
only text that begins like a leaked call is held back.
"""

from toolworthy.gateway.repair._repairer import RepairedExchange, Repairer

__all__ = ["RepairedExchange", "Repairer"]
