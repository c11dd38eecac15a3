"""Judge the edits that a model wrote as text, for agents that offer no tools."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from toolworthy.content.adapters import AgentAdapter
from toolworthy.records.conversation import news_of, text_of
from toolworthy.records.exchange import Exchange
from toolworthy.wire.text_edits import TextEdit, read_text_edits, wants_text_edits


@dataclass(frozen=True)
class JudgedEdit:
    """One edit of a response."""

    exchange: int
    edit: TextEdit
    problem: Literal["", "malformed", "misfit"]
    """``misfit``: the agent reported that the file does not contain the old lines."""


def judge_edits(exchanges: Sequence[Exchange], agent: AgentAdapter) -> tuple[JudgedEdit, ...]:
    """All edits of responses to requests that asked for them as text, in order."""
    refusals = [_refusal([text_of(message.parts) for message in news], agent) for news in news_of(exchanges)]
    return tuple(
        JudgedEdit(exchange.index, edit, _problem(edit, next(filter(None, refusals[at + 1 :]), "")))
        for at, exchange in enumerate(exchanges)
        for edit in _edits_of(exchange)
    )


def _edits_of(exchange: Exchange) -> tuple[TextEdit, ...]:
    """The edits that the response to such a request holds."""
    if exchange.request is None or exchange.response is None or not wants_text_edits(exchange.request):
        return ()
    return read_text_edits(exchange.response.text)


def _refusal(texts: Sequence[str], agent: AgentAdapter) -> str:
    """The agent's report on edits that it could not apply; "" if there is none."""
    return "\n".join(text for text in texts if any(re.search(pattern, text) for pattern in agent.refusals))


def _problem(edit: TextEdit, refusal: str) -> Literal["", "malformed", "misfit"]:
    if edit.problem:
        return "malformed"
    return "misfit" if edit.old.strip() and edit.old.strip() in refusal else ""
