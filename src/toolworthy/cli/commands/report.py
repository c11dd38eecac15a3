"""``toolworthy report RUN… [-o FILE]``."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from toolworthy.base.atomic import whole
from toolworthy.base.sanitize import show
from toolworthy.output.html.page import parts
from toolworthy.output.write import write_report
from toolworthy.records.store import redactor_of
from toolworthy.work.replay.judged import opened

COMPARISON = "comparison.html"
"""The file in the last run's directory, for several runs without `-o`."""


def run(paths: Sequence[Path], out: Path | None = None, only: str = "") -> int:
    """Write a run's pages again; or one page of several runs, or of some of a run's trials. Prints their path.

    Raises:
        ToolworthyError: one of them is not a run, one of several is incomplete, no trial fits `only`, or the page
            cannot be written.
    """
    runs = [opened(path, whole=len(paths) > 1) for path in paths]
    if len(runs) == 1 and out is None and not only:
        show(write_report(runs[0]))
        return 0
    target = out or runs[-1].path / COMPARISON
    page = parts(runs, only)
    first = next(page)  # report mistakes before a file is written
    with whole(target) as partial, partial.open("w", encoding="utf-8", errors="replace") as file:
        file.writelines(redactor_of(runs).parts(chain([first], page)))
    show(target)
    return 0
