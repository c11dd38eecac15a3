"""``toolworthy baseline save RUN [NAME] | show NAME | list``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from toolworthy.base.errors import ToolworthyError
from toolworthy.judgement.gate import baseline


def run(what: str, names: Sequence[str], folder: Path) -> int:
    """Save, show or list baselines.

    Raises:
        ToolworthyError: there are too few or too many names, or as `baseline.save` and `baseline.show_one`.
    """
    if what == "save" and 1 <= len(names) <= 2:
        return baseline.save(Path(names[0]), names[1] if len(names) == 2 else None, folder)
    if what == "show" and len(names) == 1:
        return baseline.show_one(names[0], folder)
    if what == "list" and not names:
        return baseline.list_all(folder)
    raise ToolworthyError("names do not fit. Type `toolworthy baseline save RUN [NAME]`, `show NAME` or `list`.")
