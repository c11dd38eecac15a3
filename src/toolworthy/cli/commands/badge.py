"""``toolworthy badge RUN``."""

from __future__ import annotations

from pathlib import Path

from toolworthy.base.atomic import whole
from toolworthy.base.sanitize import show
from toolworthy.judgement.analysis.matrix import Suite
from toolworthy.output.exports.badge import badge
from toolworthy.records.store import RunDirectory


def run(directory: Path, suite: Suite | None, out: Path | None, as_json: bool) -> int:
    """Print or write a run's badge.

    Raises:
        ToolworthyError: it is not a run, or it has no result of the suite.
    """
    image = badge(RunDirectory.open(directory), suite)
    text = image.shields() if as_json else image.svg()
    if out is None:
        show(text, end="")
        return 0
    with whole(out) as partial:
        partial.write_text(text, encoding="utf-8")
    show(out)
    return 0
