"""``toolworthy history [RUN… | DIR]``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from toolworthy.base.atomic import whole
from toolworthy.base.errors import ToolworthyError
from toolworthy.base.sanitize import show
from toolworthy.judgement.history.load import find
from toolworthy.judgement.history.series import history
from toolworthy.output.html.history import lines, page

REPORTS = Path("reports")
"""The default folder of runs."""


def run(
    paths: Sequence[Path],
    endpoint: str | None = None,
    model: str | None = None,
    suite: str | None = None,
    as_json: bool = False,
    out: Path | None = None,
) -> int:
    """Print the history of the runs under `paths`; or write it as a page to `out`.

    Raises:
        ToolworthyError: there is no run, or the page cannot be written.
    """
    if not paths and not REPORTS.is_dir():
        raise ToolworthyError("there is no folder reports here. Name runs, or a folder of them.")
    series = history(find(paths or [REPORTS], endpoint, model), (suite,) if suite else ())
    if not series["groups"]:
        raise ToolworthyError(f"none of these runs has results of the suite {suite}")
    if out is not None:
        with whole(out) as partial, partial.open("w", encoding="utf-8", errors="replace") as file:
            file.writelines(page(series))
    if as_json:
        show(json.dumps(series, indent=2, ensure_ascii=True))
    else:
        show("\n".join([*lines(series), *([f"page: {out}"] if out else [])]))
    return 0
