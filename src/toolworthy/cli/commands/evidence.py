"""``toolworthy evidence RUN [FINDING]``."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from toolworthy.base.atomic import whole
from toolworthy.base.errors import ToolworthyError
from toolworthy.base.sanitize import show, visible
from toolworthy.output.bug_report.evidence import bundle, choose, located_findings, name
from toolworthy.output.bug_report.ticket import Located
from toolworthy.records.finding import rank
from toolworthy.rules import label
from toolworthy.work.replay.judged import opened

_SHOWN = 5
"""The most findings of one code in the list."""


def run(path: Path, wanted: str | None = None, out: Path | None = None) -> int:
    """List the findings of a run, or write the bug report bundle of one. Returns the exit code.

    Raises:
        ToolworthyError: there is no run or no such finding, its bytes are gone, or the file cannot be written.
    """
    directory = opened(path)
    every = located_findings(directory)
    if wanted is None:
        if out is not None:
            raise ToolworthyError(f"no finding is named. `toolworthy evidence {path}` lists them.")
        show("\n".join(lines(every)) or "nothing to bundle: no rule was broken, no probe and no trial failed")
        return 0
    located = choose(directory, every, wanted)
    target = Path(name(located)) if out is None else out
    data = bundle(directory, located)
    with whole(target) as partial:
        partial.write_bytes(data)
    show(target)
    show("read it before you publish it: request.json holds the whole conversation", sys.stderr)
    return 0


def lines(every: Sequence[Located]) -> Iterator[str]:
    """The findings by code, the worst first: severity, count, title, and ids."""
    codes: dict[str, list[Located]] = {}
    for located in sorted(every, key=lambda located: (rank(located.severity), located.code)):
        codes.setdefault(located.code, []).append(located)
    for code, same in codes.items():
        yield visible(f"{label(code)}  {same[0].severity}  ×{len(same)}  {same[0].title}")
        yield from (visible(f"    {located.id}") for located in same[:_SHOWN])
        if len(same) > _SHOWN:
            yield f"    … {len(same) - _SHOWN} more"
