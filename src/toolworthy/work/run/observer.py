"""Who hears what a session does."""

from __future__ import annotations

from collections.abc import Sequence

from toolworthy.records.exchange import Exchange
from toolworthy.records.result import Result, ResultKey
from toolworthy.work.run.budget import Spending, Took


class Listener:
    """Hears what a session does, mostly on the session's thread, which it must not hold up. This one says nothing.

    What `trial` names is a trial, case or probe, as the text of its key.
    """

    def line(self, text: str) -> None:
        """Something worth a line."""

    def agrees(self, question: str) -> bool:
        """Whether a large run may start; asked on the thread that starts it. Where nobody is there to ask, it may."""
        return True

    def expected(self, keys: Sequence[ResultKey], spending: Spending) -> None:
        """These are going to be run, too; `spending` goes on counting what the run takes."""

    def started(self, key: ResultKey) -> None:
        """A trial, probe or case begins."""

    def asking(self, trial: str) -> None:
        """A request is on its way."""

    def exchanged(self, exchange: Exchange, took: Took) -> None:
        """A request has had its answer, which is recorded."""

    def waiting(self, seconds: float) -> None:
        """The endpoint wants no requests for so long."""

    def verifying(self, key: ResultKey) -> None:
        """An agent is done; its hidden tests begin."""

    def ended(self, result: Result) -> None:
        """A trial, probe or case is over, or was not run."""
