"""What a client library raises is explained, also where it says nothing itself."""

from __future__ import annotations

import pytest

from tests.support.probing import run
from toolworthy.reference.defects import Defect
from toolworthy.work.probes import load_suite

pytestmark = [pytest.mark.process, pytest.mark.usefixtures("hurry")]


def spoilt(**edit: object) -> Defect:
    """A defect of chat streams."""
    told = {"id": "x", "title": "x", "apis": ("chat",), "severity": "blocks", "seen": "", "sources": (), "edit": [edit]}
    return Defect.model_validate(told)


def test_an_assertion_without_a_message_is_explained_by_the_rule_that_the_bytes_break() -> None:
    function = "choices.0.delta.tool_calls.0.function"
    defect = spoilt(has=function, which="rest", null=(function,))
    (result,) = run(defect, load_suite()["client-openai-chat"].run, stream=True)
    assert (result.verdict, result.cause) == ("broken", "TW105")
    assert result.detail.startswith("TW105 arguments are an empty string: ")
    assert "the client fails with AssertionError at _completions.py:" in result.detail
    assert result.detail.endswith(": assert tool_call_delta.function is not None")
