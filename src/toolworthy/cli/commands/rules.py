"""``toolworthy rules``: the list, one rule, or the pages of all of them."""

from __future__ import annotations

from pathlib import Path

from toolworthy.base.errors import ToolworthyError
from toolworthy.base.loading import near
from toolworthy.base.sanitize import show
from toolworthy.output.rule_pages import page, write_pages
from toolworthy.rules import RULES


def run(code: str | None, pages: Path | None) -> int:
    """Print all rules or one, or write their pages into a folder; the exit code.

    Raises:
        ToolworthyError: no rule has that code.
    """
    if pages is not None:
        write_pages(pages)
        show(pages)
    elif code is None:
        for rule in RULES:
            show(f"{rule.code:<5}  {rule.severity:<8}  {', '.join(rule.apis):<25}  {rule.title}")
    else:
        found = next((rule for rule in RULES if rule.code == code.upper()), None)
        if found is None:
            meant = near(code.upper(), [rule.code for rule in RULES]) or "."
            raise ToolworthyError(f"no rule has the code {code}{meant} `toolworthy rules` lists them.")
        show(page(found), end="")
    return 0
