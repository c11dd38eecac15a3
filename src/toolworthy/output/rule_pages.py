"""Documentation of the rules as Markdown: one page per rule, and a list."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import get_args

from toolworthy.base.atomic import whole
from toolworthy.content import adapters, providers
from toolworthy.content.breakage import Measured, naming
from toolworthy.content.situations import PHRASES
from toolworthy.judgement.analysis.remedy import NO_REMEDY, NOT_YOURS
from toolworthy.judgement.analysis.root_cause import listed
from toolworthy.output._markdown import render
from toolworthy.rules import RULES, Area, Rule

SEVERITY = {"blocks": "blocks an agent", "degrades": "degrades", "cosmetic": "cosmetic"}


def page(rule: Rule) -> str:
    """The page of a rule."""
    hints, example = providers.hints(rule.code), rule.example
    measured = sorted(naming(rule.code), key=lambda row: (row.defect, row.agent, row.stage))
    return render(
        "rule",
        rule=rule,
        severity=SEVERITY[rule.severity],
        when="" if rule.situation == "always" else PHRASES[rule.situation],
        bad=_fenced(example.bad) if example else "",
        good=_fenced(example.good) if example else "",
        measured=measured,
        harm=_harm(measured),
        hints=hints,
        report=NOT_YOURS if hints or rule.fix else NO_REMEDY,
        sources=[link(source) for source in rule.sources],
    )


def _harm(rows: Iterable[Measured]) -> str:
    """Which of the agents that met the fault were harmed, in one sentence; empty if none met it."""
    met = [row for row in rows if row.met]
    harmed = {row.agent for row in met if row.outcome != "unaffected"}
    unharmed = {row.agent for row in met} - harmed
    if not met:
        return ""
    if not harmed:
        return f"In one small task each, it harmed none of the agents that were measured: {_titles(unharmed)}."
    rest = f", but not {_titles(unharmed)}" if unharmed else ""
    return f"In one small task each, it harmed {_titles(harmed)}{rest}."


def _titles(agents: Iterable[str]) -> str:
    return listed(sorted(map(adapters.title, agents), key=str.lower))


def _fenced(response: str) -> str:
    kind = "json" if response.startswith("{") else "http" if response.startswith("HTTP/") else "text"
    text = response.rstrip("\n")
    return f"```{kind}\n{text}\n```"


def link(source: str) -> str:
    """A source as a Markdown link: an address as it is, ``owner/repo#number`` as that issue's."""
    if match := re.fullmatch(r"([\w.-]+/[\w.-]+)#(\d+)", source):
        return f"[{source}](https://github.com/{match[1]}/issues/{match[2]})"
    return f"<{source}>"


def write_pages(folder: Path) -> None:
    """A page for every rule, and their list."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("TW*.md"):
        old.unlink()
    areas = [(area, [rule for rule in RULES if rule.area == area]) for area in get_args(Area)]
    index = render("rules", areas=[one for one in areas if one[1]], severity=SEVERITY)
    for name, text in {"README": index, **{rule.code: page(rule) for rule in RULES}}.items():
        with whole(folder / f"{name}.md") as partial:
            partial.write_text(text, encoding="utf-8")
