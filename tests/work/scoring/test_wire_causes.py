"""What a failed trial is blamed on, where answers break a rule that no client can live with."""

from __future__ import annotations

import pytest

from tests.support.examples import chat
from toolworthy.content import adapters, breakage
from toolworthy.content.breakage import Measured
from toolworthy.records.exchange import Exchange
from toolworthy.sandbox.model import CommandOutcome
from toolworthy.work.scoring._cause import diagnose

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
    def affected(asked: str, _situation: object, _said: str = "") -> dict[str, Measured]:
        row = seen.get(asked)
        return {"openclaw": Measured(defect="d", agent="openclaw", version="1", outcome=row)} if row else {}

    monkeypatch.setattr(breakage, "affected", affected)
    outcome = CommandOutcome(ended="exit", exit_code=0, stdout=b"", stderr=b"", seconds=1.0)
    found = diagnose([spoilt()], outcome, adapters.agent("openclaw"), 60)
    assert (found.kind, found.fault) == ("wire defect", "server")
    assert found.rule == code
    assert ("borne elsewhere" in found.notes) == doubt


@pytest.mark.parametrize(
    ("stdout", "said"),
    [
        (
            b'{"type":"error","error":{"name":"E","data":{"message":"Expected \'id\' to be a string."}}}\n',
            "Expected 'id'",
        ),
        (b'{"type":"error","message":"stream closed"}\n{"type":"step"}\n', "stream closed"),
        (b'{"type":"result","is_error":true,"result":"API Error: 500"}\n', "API Error: 500"),
        (b'{"type":"turn.failed","error":{"message":"gone"}}\n', "gone"),
        (b"all is well\nTypeError: x\nError:  of\x1b[31m   mine\nbye\n", "Error: of"),
        (b"Traceback\nall is well\n", ""),
        (b'{"error":null}\n[1]\n{"error":{"a":1}}\n', ""),
        (b"error " + b"x" * 1_000, "error xxx"),
        (b"[" * 100_000, ""),
        (b'{"error":{"error":{"message":"deep"}}}\n', "deep"),
        (b'{"error":"plain"}\n', "plain"),
        (b'{"type":"error","message":"outer","error":{"message":"inner"}}\n', "inner"),
        (b'{"type":"step","message":"at work"}\n', ""),
        (b'{"type":"result","is_error":false,"result":"all is well"}\n', ""),
        (b'{"type":"result","is_error":true,"result":{},"error":"of it"}\n', "of it"),
        (b"error: first\nerror: last\nbye\n", "error: last"),
    ],
)
def test_what_the_agent_says_went_wrong_stands_beside_the_cause(stdout: bytes, said: str) -> None:
    def detail(**more: object) -> str:
        ended = {"ended": "exit", "exit_code": 1, "stdout": stdout, "stderr": b"", "seconds": 1.0, **more}
        return diagnose([spoilt()], CommandOutcome(**ended), adapters.agent("openclaw"), 60).detail

    for told in (detail(), detail(stdout=b"", stderr=stdout), detail(stdout=stdout, stderr=b"error: another")):
        assert (f"; the agent says: {said}" in told) if said else (told in (detail(), detail(stdout=b"error: another")))
        assert len(told) < 600
    assert ("the agent says" in detail()) == bool(said)
    assert detail(exit_code=0).endswith(
        "the agent sent no further request and exited as if the task were done (exit 0)"
    )
    assert "the agent says" not in detail(ended="timeout", exit_code=None)
