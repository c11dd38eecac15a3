"""Causes that are neither a rule nor a single probe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from toolworthy.work.probes import (
    ANNOUNCED,
    IN_WORDS,
    KEY_REFUSED,
    NO_CALLS,
    SMALL_CONTEXT,
    TOOLS_UNSEEN,
    UNTOLD_OVERFLOW,
)


@dataclass(frozen=True)
class Unruled:
    """One such cause."""

    title: str
    like: str
    """Code of the rule or probe whose settings remedy it."""
    fix: str
    """For a server without a known setting."""


UNRULED: Mapping[str, Unruled] = {
    NO_CALLS: Unruled(
        "the model calls no tool", "TW621", "Choose a model that can call tools, with a chat template for them."
    ),
    IN_WORDS: Unruled(
        "the text describes calls instead of making them",
        "TW621",
        "The chat template does not teach the model its call format, or no parser looks for calls: choose the template "
        "and the tool-call parser that belong to the model. If they do, choose a model that can call tools.",
    ),
    ANNOUNCED: Unruled(
        "the reasoning announces a call that never comes",
        "TW201",
        "Check that the reasoning parser knows the marker that ends the reasoning, and that the tool-call parser runs "
        "on what follows it.",
    ),
    TOOLS_UNSEEN: Unruled(
        "tools do not reach the model",
        "TW621",
        "Choose a chat template that renders tools, and check that every proxy before the server forwards them.",
    ),
    KEY_REFUSED: Unruled(
        "an API refuses the key that another takes",
        "",
        "Use a key whose plan or permissions cover this API, or set auth of the endpoint in toolworthy.toml to the "
        "header in which the API takes its key. If it is not meant to be used, name another with --wire.",
    ),
    UNTOLD_OVERFLOW: Unruled(
        "agents do not learn that the context window is full",
        "",
        "Refuse with HTTP 400 and the vendor's own words: error.code context_length_exceeded (chat, Responses), or "
        '"prompt is too long: 210000 tokens > 200000 maximum" (Messages). Or give the agent a smaller window '
        "than the server has: it then shortens the conversation by its own count.",
    ),
    SMALL_CONTEXT: Unruled(
        "context window is too small for agents",
        "context-overflow",
        "Start the server with a larger context window; agents need 32,000 tokens or more.",
    ),
}
