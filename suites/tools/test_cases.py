"""Are the tool calls right? One item is one case in the words of one agent."""

import pytest

from toolworthy.records.case import CaseResult


def test_case(case: CaseResult) -> None:
    """The calls are those that the case wants, at least by the lenient reading."""
    if case.status == "unmeasured":
        pytest.skip(f"unmeasured: {case.detail}")
    if case.status == "wrong":
        pytest.fail(case.explanation, pytrace=False)
