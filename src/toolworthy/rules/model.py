"""The model of a rule, and how rules are declared."""

from __future__ import annotations

import bisect
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from toolworthy.base.errors import ToolworthyError, place
from toolworthy.base.loading import Strict, fit
from toolworthy.base.sanitize import docstring
from toolworthy.base.toml import read_toml
from toolworthy.content import FIXTURES
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
"""The area of a rule."""
_TABLES = FIXTURES / "rules"
_SHARED = ("area", "apis")
"""Settings of a file for all its rules."""
_CODE = re.compile(r"[A-Z]{2,8}\d{3}")


class Example(Strict):
    """Bytes with the fault and bytes without: a body, or a response that begins with ``HTTP/1.1 STATUS``."""

    bad: str
    good: str
    request: str = ""
    """JSON: additional fields of the request, which has a model, a message and a tool."""
    unrun: str = ""
    """Why these bytes alone do not show the fault."""


class Rule(Strict):
    """A pure function over one exchange, and its declaration; for a built-in rule, a table in ``fixtures/rules``."""

    code: str
    slug: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    """A readable name; unique among the built-in rules."""
    title: str
    severity: Severity
    apis: tuple[Api, ...] = APIS
    what: str
    """What it checks. This and all other texts are plain text."""
    why: str = ""
    """What agents do with the fault."""
    right: str
    """The correct form, in one sentence, with JSON or bytes if that is shortest."""
    example: Example | None = None
    fix: str = ""
    """What to change in the code or the flags of any server."""
    sources: tuple[str, ...] = ()
    """Specifications, vendors' pages, and issues that show the harm: addresses, or ``owner/repository#issue``."""
    situation: Situation = "always"
    """When agents meet the fault; ``always`` if any response may have it."""
    follows: tuple[str, ...] = ()
    """Codes of rules whose fault in the same exchange causes this one."""
    needs_end: bool = False
    """Whether the beginning of a stream violates it although the whole stream does not."""
    clocked: bool = False
    """Whether it depends on times, so that a single finding may come from a busy machine."""
    area: Area
    look: Callable[[View], Any] = Field(exclude=True)
    """Yields the `Violations`."""

    @property
    def label(self) -> str:
        """Code and slug, as all outputs show them."""
        return f"{self.code} {self.slug}"

    def findings(self, view: View) -> Iterator[Finding]:
        """The violations in one exchange, without duplicates.

        Raises:
            ToolworthyError: a user's rule raises an exception.
        """
        if view.api not in self.apis:
            return
        seen: set[str] = set()
        for detail, excerpt in self._violations(view):
            if detail not in seen:
                seen.add(detail)
                yield Finding(
                    code=self.code,
                    title=self.title,
                    severity=self.severity,
                    situation=view.situation if self.situation == "always" else self.situation,
                    detail=detail,
                    evidence=Evidence(exchange=view.exchange.index, excerpt=excerpt[:300]),
                )

    def _violations(self, view: View) -> Violations:
        try:
            yield from ((detail, excerpt) for detail, excerpt in self.look(view))
        except Exception as error:
            if _is_ours(self.look):
                raise
            raise ToolworthyError(
                f"{place(self.look)}: rule {self.code} fails with {type(error).__name__}: {error}. Correct the rule."
            ) from error


RULES: list[Rule] = []
"""Every declared rule, by code."""


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

    Its docstring says what it checks. From then on every answer is judged by it, and ``toolworthy rules`` lists it.

    Args:
        code: capital letters and three digits, ``MY101``; ``TW`` is reserved for built-in rules.
        title: names the fault in a few words.
        severity: ``blocks`` (an agent cannot go on), ``degrades`` or ``cosmetic``.
        apis: wire APIs that it applies to; all if none is given.
        source: evidence: an address, or ``owner/repository#issue``.
        right: the correct form.
        situation: when agents meet the fault.
        follows: codes of rules whose fault in the same exchange causes this one.
        area: the area of the rule.

    Raises:
        ToolworthyError: the code is invalid, or another rule has it.
    """

    def make(look: Callable[[View], Violations]) -> Rule:
        declared = {
            "slug": re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or code.lower(),
            "title": title,
            "severity": severity,
            "apis": apis or APIS,
            "what": docstring(look.__doc__),
            "right": right,
            "sources": (source,) if source else (),
            "situation": situation,
            "follows": follows,
            "area": area,
        }
        return _declare(code, declared, look, place(look))

    return make


def builtin(code: str) -> Callable[[Callable[[View], Violations]], Rule]:
    """Declare the function of a built-in rule; its table in ``fixtures/rules`` declares the rest.

    Raises:
        ToolworthyError: the table is missing or invalid.
    """

    def make(look: Callable[[View], Violations]) -> Rule:
        if code not in tables():
            raise ToolworthyError(f"{place(look)}: no file in {_TABLES} declares {code}. Add a table [{code}].")
        path, declared = tables()[code]
        return _declare(code, declared, look, f"{path}: {code}")

    return make


@cache
def tables() -> Mapping[str, tuple[Path, Mapping[str, Any]]]:
    """The tables of the built-in rules: code to its file, and its table there.

    Raises:
        ToolworthyError: a file cannot be read, or a rule is declared twice.
    """
    declared: dict[str, tuple[Path, Mapping[str, Any]]] = {}
    for path in sorted(_TABLES.glob("*.toml")):
        data = read_toml(path)
        shared = {name: data.pop(name) for name in _SHARED if name in data}
        for code, table in data.items():
            if code in declared:
                raise ToolworthyError(f"{path}: {declared[code][0].name} declares {code}, too. Remove one of the two.")
            declared[code] = path, shared | (table if isinstance(table, dict) else {code: table})
    return declared


def by_code(code: str) -> Rule | None:
    """The rule with this code; None for a probe's id or a cause of trials."""
    return next((rule for rule in RULES if rule.code == code), None)


def check_complete() -> None:
    """Check that every table has a function.

    Raises:
        ToolworthyError: one has none.
    """
    for code in tables().keys() - {rule.code for rule in RULES}:
        raise ToolworthyError(f"{tables()[code][0]}: no function in {__package__} has @builtin({code!r}). Write one.")


def _declare(code: str, declared: Mapping[str, Any], look: Callable[[View], Violations], source: str) -> Rule:
    """Register a rule; a function that is declared again, as by a notebook's cell, replaces itself."""
    where = place(look)
    if not _CODE.fullmatch(code) or (code.startswith("TW") and not _is_ours(look)):
        raise ToolworthyError(
            f"{where}: {code} cannot be a rule's code. Use letters of your own and three digits, such as MY101."
        )
    made = fit(Rule, {**declared, "code": code, "look": look}, source)
    for old in [rule for rule in RULES if rule.code == code]:
        if place(old.look) != where:
            raise ToolworthyError(f"{where}: {place(old.look)} has the code {code} already. Choose another code.")
        RULES.remove(old)
    bisect.insort(RULES, made, key=lambda rule: rule.code)
    return made


def _is_ours(look: Callable[[View], Violations]) -> bool:
    return look.__module__.startswith("toolworthy.rules.")
