"""Causes that neither a rule nor a probe names by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from toolworthy.work.probes import NO_CALLS, SMALL_CONTEXT


@dataclass(frozen=True)
class Unruled:
    """One such cause."""

    title: str
    like: str
    """Code of the rule or probe whose settings remedy it."""
    fix: str
    """For a server of which no setting is known."""


UNRULED: Mapping[str, Unruled] = {
    NO_CALLS: Unruled(
        "the model calls no tool", "TW621", "Choose a model that can call tools, with a chat template for them."
    ),
    SMALL_CONTEXT: Unruled(
        "context window is too small for agents",
        "context-overflow",
        "Start the server with a larger context window; agents need 32,000 tokens or more.",
    ),
}
