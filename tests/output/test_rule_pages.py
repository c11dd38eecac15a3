"""A rule's page says of its harm what was measured."""

from __future__ import annotations

import pytest

from toolworthy.content.breakage import Measured
from toolworthy.output.rule_pages import _harm


def row(agent: str, outcome: str, met: bool = True) -> Measured:
    return Measured.model_validate(
        {"defect": "d", "agent": agent, "version": "1", "outcome": outcome, "met": met, "situation": "always"}
    )


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([], ""),
        ([row("codex", "unaffected", met=False)], ""),
        (
            [row("codex", "unaffected"), row("opencode", "unaffected")],
            "In one small task each, it harmed none of the agents that were measured: Codex and OpenCode.",
        ),
        (
            [row("codex", "unaffected"), row("opencode", "recovers"), row("opencode", "unaffected")],
            "In one small task each, it harmed OpenCode, but not Codex.",
        ),
        ([row("codex", "hangs")], "In one small task each, it harmed Codex."),
    ],
)
def test_it_names_who_was_harmed_and_who_was_not(rows: list[Measured], sentence: str) -> None:
    assert _harm(rows) == sentence
