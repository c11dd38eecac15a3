"""Does the agent finish coding tasks with this endpoint? One item is one trial: task, agent, attempt."""

import pytest

from toolworthy.output.terminal.closing import explain
from toolworthy.records.trial import TrialResult


def test_task(trial: TrialResult) -> None:
    """The hidden tests accept what the agent left in its workspace."""
    if trial.status != "passed":
        pytest.fail(explain(trial), pytrace=False)
