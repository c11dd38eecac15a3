"""A fault of form ends in the gateway's translation; one of content, of ids or of a header goes on to the agent."""

from __future__ import annotations

import pytest

from toolworthy.rules import RULES, by_code, removed_by_translation


@pytest.mark.parametrize("code", ["TW613", "TW317", "TW311", "TW406", "TW502", "TW519"])
def test_a_fault_of_form_is_removed(code: str) -> None:
    assert removed_by_translation(code)


@pytest.mark.parametrize("code", ["TW103", "TW102", "TW323", "TW507", "TW611", "TW697", "TW608", "TW701"])
def test_a_fault_of_content_goes_on(code: str) -> None:
    rule = by_code(code)
    assert rule
    assert rule.example
    assert not removed_by_translation(code)


def test_what_is_no_rule_or_has_no_bytes_that_show_it_goes_on() -> None:
    unrun = [rule.code for rule in RULES if rule.example and rule.example.unrun]
    assert unrun
    assert not any(map(removed_by_translation, ["session-codex", *unrun]))
