"""What a rule is, and what it says."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from toolworthy.records import Record
from toolworthy.rules.view import View
from toolworthy.situations import Situation
from toolworthy.wire.ir import APIS, Api

Severity = Literal["blocks", "degrades", "cosmetic"]
Violations = Iterator[tuple[str, str]]
"""(what is wrong, the bytes that show it)"""


def rank(severity: Severity) -> int:
    """How bad it is: 0 is the worst."""
    return get_args(Severity).index(severity)


AREAS = {
    "1": "tool calls",
    "2": "leaks into text",
    "3": "chat streams",
    "4": "Messages streams",
    "5": "Responses streams",
    "6": "HTTP and framing",
    "7": "usage and stop reasons",
}
"""First digit of a code to what it is about."""


class Evidence(Record):
    """Where something can be seen."""

    exchange: int
    """Index of the exchange in its trial."""
    excerpt: str = ""
    """The offending bytes, as text, cut to a line."""


class Finding(Record):
    """One violation of one rule."""

    code: str
    title: str
    severity: Severity
    situation: Situation = "always"
    """When agents meet it: the rule's own, or what the exchange itself shows; ``always`` where it shows in whatever
    situation the request made."""
    detail: str
    follows: str = ""
    """Code of the fault in the same exchange of which this is a consequence."""
    evidence: Evidence


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

    @property
    def area(self) -> str:
        """What its code's first digit stands for."""
        return AREAS[self.code[2]]

    def findings(self, view: View) -> Iterator[Finding]:
        """The violations in one exchange; one is enough to tell, so equal ones are not repeated."""
        if view.api not in self.apis:
            return
        told: set[str] = set()
        for detail, excerpt in self.look(view):
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


def rule(
    code: str,
    title: str,
    severity: Severity,
    *apis: Api,
    source: str,
    right: str,
    situation: Situation = "always",
    follows: tuple[str, ...] = (),
) -> Callable[[Callable[[View], Violations]], Rule]:
    """Make a rule of a function; its docstring is the explanation. Without `apis` it holds for all three."""

    def make(look: Callable[[View], Violations]) -> Rule:
        explanation = inspect.cleandoc(look.__doc__ or "")
        return Rule(code, title, severity, apis or APIS, source, explanation, right, look, situation, follows)

    return make
