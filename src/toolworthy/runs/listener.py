"""Who hears what a session does."""

from __future__ import annotations

from typing import Protocol

from toolworthy.cases.result import CaseKey, CaseResult
from toolworthy.exchange import Exchange
from toolworthy.probes import ProbeKey, ProbeResult
from toolworthy.runs.result import TrialKey, TrialResult

Key = TrialKey | ProbeKey | CaseKey
Result = TrialResult | ProbeResult | CaseResult


class Listener(Protocol):
    """Hears what a session does, on the session's thread."""

    def line(self, text: str) -> None:
        """Something worth a line."""

    def exchanged(self, key: TrialKey, exchange: Exchange) -> None:
        """A trial has had an answer."""

    def ended(self, result: Result) -> None:
        """A trial, probe or case is over."""


class Quiet:
    """A listener that says nothing."""

    def line(self, text: str) -> None:
        """Nothing."""

    def exchanged(self, key: TrialKey, exchange: Exchange) -> None:
        """Nothing."""

    def ended(self, result: Result) -> None:
        """Nothing."""
