"""``toolworthy rules``: the list, one rule, or the pages of all of them."""

from __future__ import annotations

from pathlib import Path

from toolworthy.base.errors import ToolworthyError
from toolworthy.base.nearest import closest
from toolworthy.base.sanitize import show
from toolworthy.output.rule_pages import page, write_pages
from toolworthy.rules import RULES


def run(name: str | None, pages: Path | None) -> int:
    """Print all rules, or one by its code or slug, or write their pages into a folder; the exit code.

    Raises:
        ToolworthyError: no rule has that name.
    """
    if pages is not None:
        write_pages(pages)
        show(pages)
    elif name is None:
        for rule in RULES:
            show(f"{rule.label:<40}  {rule.severity:<8}  {', '.join(rule.apis):<35}  {rule.title}")
    else:
        by_name = {key.lower(): rule for rule in RULES for key in (rule.slug, rule.code)}
        if name.lower() not in by_name:
            raise ToolworthyError(f"no rule is called {name}{_suggestion(name)} `toolworthy rules` lists them.")
        show(page(by_name[name.lower()]), end="")
    return 0


def _suggestion(name: str) -> str:
    names = [*(rule.code for rule in RULES), *(rule.slug for rule in RULES)]
    begun = [one for one in names if one.lower().startswith(name.lower())]
    return (
        closest(begun[0] if begun else name, names)
        or closest(name.lower(), names)
        or closest(name.upper(), names)
        or "."
    )
