"""Calls that an answer was to have, and that no agent can run."""

from __future__ import annotations

from toolworthy.exchange import Exchange
from toolworthy.rules.view import View
from toolworthy.wire.lenient import as_dict, as_list


def emptied(exchange: Exchange) -> bool:
    """Whether the last thing before a chat stream's end is a delta from which all was taken, but perhaps the field for
    calls: some servers and gateways drop a call so."""
    choices = [choice for _, choice in View(exchange).choices if not choice.get("finish_reason")]
    deltas = [as_dict(choice.get("delta")) for choice in choices]
    return len(deltas) > 1 and set(deltas[-1]) <= {"tool_calls"} and not any(as_list(deltas[-1].get("tool_calls")))
