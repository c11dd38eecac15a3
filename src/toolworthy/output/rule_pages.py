"""What is known of each rule, as Markdown: one page a rule, and their list."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from toolworthy.base.atomic import whole
from toolworthy.content import adapters
from toolworthy.content.breakage import naming
from toolworthy.content.situations import PHRASES
from toolworthy.rules import RULES, Area, Rule

SEVERITY = {"blocks": "blocks an agent", "degrades": "degrades", "cosmetic": "cosmetic"}


def page(rule: Rule) -> str:
    """What is known of a rule, as Markdown."""
    lines = [
        f"# {rule.code}: {rule.title}",
        "",
        *([rule.explanation, ""] if rule.explanation else []),
        *([f"**Right:** {rule.right}", ""] if rule.right else []),
        f"- **Severity:** {SEVERITY[rule.severity]}",
        f"- **Wire APIs:** {', '.join(rule.apis)}",
        f"- **Area:** {rule.area}",
        *([f"- **When:** {PHRASES[rule.situation]}"] if rule.situation != "always" else []),
        *([f"- **Follows from:** {', '.join(rule.follows)}, where the answer has one"] if rule.follows else []),
        *([f"- **Source:** {link(rule.source)}"] if rule.source else []),
    ]
    if hints := adapters.hints(rule.code):
        lines += ["", "## How to mend it", "", *(f"- **{title}:** {hint}" for title, hint in hints)]
    lines += _measured(rule)
    return "\n".join(lines) + "\n"


def _measured(rule: Rule) -> list[str]:
    """What real agents did with the defects that the rule names."""
    rows = sorted(naming(rule.code), key=lambda row: (row.defect, row.agent, row.stage))
    if not rows:
        return ["", "## What agents do", "", "No agent has been measured with a defect that this rule names."]
    lines = ["", "## What agents do", "", "Measured in one small task each, with `toolworthy matrix`.", ""]
    lines += ["| defect | agent | on | it |", "|---|---|---|---|"]
    told = [(row, row.outcome if row.met else "never asks for it") for row in rows]
    return lines + [f"| `{row.defect}` | {row.agent} {row.version} | {row.stage} | {did} |" for row, did in told]


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
    lines = ["# Rules", "", "Written by `toolworthy rules --pages docs/rules`.", ""]
    for area in (one for one in get_args(Area) if one in {rule.area for rule in RULES}):
        lines += [f"## {area[0].upper()}{area[1:]}", "", "| code | title | severity | wire APIs |", "|---|---|---|---|"]
        for rule in RULES:
            if rule.area == area:
                severity = SEVERITY[rule.severity]
                lines.append(f"| [{rule.code}]({rule.code}.md) | {rule.title} | {severity} | {', '.join(rule.apis)} |")
                with whole(folder / f"{rule.code}.md") as partial:
                    partial.write_text(page(rule), encoding="utf-8")
        lines.append("")
    with whole(folder / "README.md") as partial:
        partial.write_text("\n".join(lines), encoding="utf-8")
