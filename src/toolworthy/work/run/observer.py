"""The interface through which a session reports its progress."""

from __future__ import annotations

from collections.abc import Sequence

from toolworthy.records.exchange import Exchange
from toolworthy.records.result import Result, ResultKey
from toolworthy.work.run.budget import Spending, Took


class Listener:
    """Receives the progress of a session, mostly on its thread, which it must not block. This one ignores everything.

    What `trial` names is a trial, case or probe, as the text of its key.
    """

    def line(self, text: str) -> None:
        """A message for the user."""

    def agrees(self, question: str) -> bool:
        """Whether a large run may start. Called on the thread that starts it; True if nobody can answer."""
        return True

    def expected(self, keys: Sequence[ResultKey], spending: Spending) -> None:
        """More items will run; `spending` counts what the run takes."""

    def started(self, key: ResultKey) -> None:
        """A trial, probe or case begins."""

    def asking(self, trial: str) -> None:
        """A request is on its way."""

    def exchanged(self, exchange: Exchange, took: Took) -> None:
        """A request was answered, and the exchange is recorded."""

    def waiting(self, seconds: float) -> None:
        """The endpoint asked to pause requests for this long."""

    def verifying(self, key: ResultKey) -> None:
        """An agent has finished, and its hidden tests start."""

    def ended(self, result: Result) -> None:
        """A trial, probe or case is over, or was not run."""
