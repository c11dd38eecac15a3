"""Does the agent finish coding tasks with this endpoint? One item is one trial: task, agent, attempt."""

import pytest

from toolworthy.records.trial import TrialResult


def test_task(trial: TrialResult) -> None:
    """The hidden tests accept what the agent left in its workspace."""
    if trial.status != "passed":
        pytest.fail(trial.explanation, pytrace=False)
