"""What a failed trial is blamed on, where answers break a rule that no client can live with."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from toolworthy import adapters, breakage
from toolworthy.breakage import Measured
from toolworthy.exchange import Exchange
from toolworthy.sandbox.model import Outcome
from toolworthy.scoring import cause
from toolworthy.scoring.cause import diagnose

sys.path.insert(0, str(Path(__file__).parent))
from conftest import chat

CALL = {"id": None, "type": "function", "function": {"name": "run", "arguments": "{}"}}


def spoilt() -> Exchange:
    """A call without an id (TW101, blocks), and a stop reason that denies it (TW112, degrades)."""
    return chat([{"role": "user", "content": "do it"}], {"content": "", "tool_calls": [CALL]})


@pytest.mark.parametrize(
    ("seen", "code", "doubt"),
    [
        ({}, "TW101", False),
        ({"TW101": "dies"}, "TW101", False),
        ({"TW101": "unaffected", "TW112": "wrong result"}, "TW112", False),
        ({"TW101": "unaffected"}, "TW101", True),
    ],
)
def test_what_the_agent_was_seen_to_break_on_is_named(
    monkeypatch: pytest.MonkeyPatch, seen: dict[str, breakage.Outcome], code: str, doubt: bool
) -> None:
    def affected(asked: str) -> dict[str, Measured]:
        row = seen.get(asked)
        return {"openclaw": Measured(defect="d", agent="openclaw", version="1", outcome=row)} if row else {}

    monkeypatch.setattr(cause, "affected", affected)
    outcome = Outcome(ended="exit", exit_code=0, stdout=b"", stderr=b"", seconds=1.0)
    found = diagnose([spoilt()], outcome, adapters.agent("openclaw"))
    assert (found.kind, found.fault) == ("wire defect", "server")
    assert found.detail.startswith(code)
    assert ("need not be all" in found.detail) == doubt
