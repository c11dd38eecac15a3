"""The verdicts of a probe."""

from __future__ import annotations

from toolworthy.records.probe import Verdict

NO_CALLS = "no-tool-calls"
"""The model calls no tool, in no wording of the request."""
IN_WORDS = "calls-in-words"
"""Every response describes or plans the call in its text instead of making it."""
ANNOUNCED = "calls-only-announced"
"""The reasoning of every response announces the call, and none follows."""
TOOLS_UNSEEN = "tools-unseen"
"""The tools of a request do not reach the model."""
UNMADE = (IN_WORDS, ANNOUNCED, TOOLS_UNSEEN)
"""Causes for missing calls that, by the responses, are not the model's choice."""
KEY_REFUSED = "key-refused"
"""An API refuses the key that another one accepts."""
UNTOLD_OVERFLOW = "overflow-not-recognised"
"""An agent does not recognize the error for a full context window."""
SMALL_CONTEXT = "small-context"
"""The context window is too small for an agent's own prompt."""


class ProbeOutcome(Exception):
    """Ends a probe with another verdict than ``supported``; its text is the detail."""

    verdict: Verdict = "broken"

    def __init__(self, detail: str, cause: str = "") -> None:
        super().__init__(detail)
        self.cause = cause
        """As in :class:`ProbeResult`."""


class Broken(ProbeOutcome):
    """The endpoint behaves wrongly."""


class Rejected(ProbeOutcome):
    """The endpoint refuses with a clear message."""

    verdict: Verdict = "rejected"


class Ignored(ProbeOutcome):
    """The endpoint accepts it without effect."""

    verdict: Verdict = "ignored"


class Unmeasured(ProbeOutcome):
    """The behaviour could not be measured."""

    verdict: Verdict = "unmeasured"
