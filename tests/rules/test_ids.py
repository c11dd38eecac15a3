"""What is said of ids is said of the endpoint's own, not of those that the parser made up."""

from __future__ import annotations

import pytest

from tests.support.examples import chat
from toolworthy.rules import check


@pytest.mark.parametrize(("given", "codes"), [("call_0", ["TW109"]), (None, ["TW101"])])
def test_an_id_that_was_made_up_is_no_former_calls(given: str | None, codes: list[str]) -> None:
    call = {"id": "call_0", "type": "function", "function": {"name": "run", "arguments": "{}"}}
    asked = [
        {"role": "user", "content": "do it"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_0", "content": "done"},
    ]
    answered = chat(asked, {"content": "", "tool_calls": [{**call, "id": given}]}, finish="tool_calls")
    found = [finding.code for finding in check([answered])]
    assert [code for code in found if code in ("TW101", "TW109")] == codes
