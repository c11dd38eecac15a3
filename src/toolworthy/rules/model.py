"""What a rule is, and what it says."""

from __future__ import annotations

import bisect
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from toolworthy.base.errors import ToolworthyError, place
from toolworthy.content.situations import Situation
from toolworthy.records.finding import Evidence, Finding, Severity
from toolworthy.rules.view import View
from toolworthy.wire.ir import APIS, Api

Violations = Iterator[tuple[str, str]]
"""(what is wrong, the bytes that show it)"""


Area = Literal[
    "tool calls",
    "leaks into text",
    "chat streams",
    "Messages streams",
    "Responses streams",
    "HTTP and framing",
    "usage and stop reasons",
    "Gemini answers",
    "rules of your own",
]
"""What a rule is about."""
_APIS: Mapping[Area, tuple[Api, ...]] = {
    "chat streams": ("chat",),
    "Messages streams": ("messages",),
    "Responses streams": ("responses",),
    "Gemini answers": ("gemini",),
}
"""The APIs of an area's rules, where they name none."""
UNREAD = ("TW314", "TW318", "TW415", "TW506", "TW603", "TW604")
"""Codes of rules whose fault hides what an answer says."""
_CODE = re.compile(r"[A-Z]{2,8}\d{3}")


@dataclass(frozen=True)
class Rule:
    """A small pure function over one exchange, and what is known of it."""

    code: str
    title: str
    severity: Severity
    apis: tuple[Api, ...]
    source: str
    """Who says so: specification, vendor's page, or the issue that shows the harm."""
    explanation: str
    """What is wrong, and what an agent makes of it."""
    right: str
    """What a right answer has in its place, in one sentence, with the JSON or the bytes where that is shortest."""
    look: Callable[[View], Violations]
    situation: Situation = "always"
    """When agents meet the fault; ``always`` where any answer may show it."""
    follows: tuple[str, ...] = ()
    """Codes of rules whose fault, in the same exchange, brings this one about."""
    area: Area = "rules of your own"

    def findings(self, view: View) -> Iterator[Finding]:
        """The violations in one exchange; one is enough to tell, so equal ones are not repeated.

        Raises:
            ToolworthyError: a user's rule fails on what it sees.
        """
        if view.api not in self.apis:
            return
        told: set[str] = set()
        for detail, excerpt in self._seen(view):
            if detail not in told:
                told.add(detail)
                yield Finding(
                    code=self.code,
                    title=self.title,
                    severity=self.severity,
                    situation=view.situation if self.situation == "always" else self.situation,
                    detail=detail,
                    evidence=Evidence(exchange=view.exchange.index, excerpt=excerpt[:300]),
                )

    def _seen(self, view: View) -> Violations:
        try:
            yield from ((detail, excerpt) for detail, excerpt in self.look(view))
        except Exception as error:
            if _is_ours(self.look):
                raise
            raise ToolworthyError(
                f"{place(self.look)}: rule {self.code} fails: {type(error).__name__}: {error}"
            ) from error


RULES: list[Rule] = []
"""Every rule that has been declared, by code."""


def rule(
    code: str,
    title: str,
    severity: Severity,
    *apis: Api,
    source: str = "",
    right: str = "",
    situation: Situation = "always",
    follows: tuple[str, ...] = (),
    area: Area = "rules of your own",
) -> Callable[[Callable[[View], Violations]], Rule]:
    """Declare a rule: a function that yields (what is wrong, the bytes that show it) for every violation in an answer.

    Its docstring is the explanation. From then on every answer is judged by it, and ``toolworthy rules`` lists it.

    Args:
        code: capital letters and three digits, ``MY101``; ``TW`` is for our own.
        title: what is wrong, in a few words.
        severity: ``blocks`` (an agent cannot go on), ``degrades`` or ``cosmetic``.
        apis: wire APIs that it holds for; all if none is given.
        source: who says so: an address, or ``owner/repository#issue``.
        right: what a right answer has in its place.
        situation: when agents meet the fault.
        follows: codes of rules whose fault, in the same exchange, brings this one about.
        area: what it is about.

    Raises:
        ToolworthyError: no such code can be, or another rule has it.
    """

    def make(look: Callable[[View], Violations]) -> Rule:
        explanation, holds = inspect.cleandoc(look.__doc__ or ""), apis or _APIS.get(area, APIS)
        made = Rule(code, title, severity, holds, source, explanation, right, look, situation, follows, area)
        _declare(made)
        return made

    return make


def _declare(made: Rule) -> None:
    """Put it in its place; a function that is declared again, as by a notebook's cell, replaces itself."""
    where = place(made.look)
    if not _CODE.fullmatch(made.code) or (made.code.startswith("TW") and not _is_ours(made.look)):
        raise ToolworthyError(
            f"{where}: {made.code} cannot be a rule's code: take letters of your own and three digits, MY101"
        )
    for old in [one for one in RULES if one.code == made.code]:
        if place(old.look) != where:
            raise ToolworthyError(f"{where}: another rule has the code {made.code}, {place(old.look)}: take another")
        RULES.remove(old)
    bisect.insort(RULES, made, key=lambda one: one.code)


def _is_ours(look: Callable[[View], Violations]) -> bool:
    return look.__module__.startswith("toolworthy.rules.")
