"""Write a run's pages for people, and files for other programs, from the run directory."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from toolworthy.base.errors import writing
from toolworthy.records.exchange import Exchange
from toolworthy.records.exchanges import file_name
from toolworthy.records.result import Result
from toolworthy.records.store import RunDirectory
from toolworthy.records.trial import TrialResult


def write_report(run: RunDirectory) -> Path:
    """Write ``report.html``, ``summary.md``, ``junit.xml``, ``results.csv`` and ``atif/`` from what the run holds.
    Returns the path of the first.

    Raises:
        ToolworthyError: the disk is full, or the directory is gone.
    """
    from toolworthy.output.exports import junit, table
    from toolworthy.output.html.page import parts
    from toolworthy.output.terminal import summary
    from toolworthy.work.replay import summary as replayed

    with writing(run.path / "atif"):
        (run.path / "atif").mkdir(exist_ok=True)
    html = run.write("report.html", parts([run], also=partial(_trajectory, run, run.meta.endpoint.model)))
    run.write("results.csv", table.csv_text(table.rows(run)))
    if run.replays():
        run.write("summary.md", replayed.markdown(run))
    else:
        run.write("junit.xml", junit.document(run))
        run.write("summary.md", summary.markdown(run))
    return html


def _trajectory(run: RunDirectory, model: str, result: Result, exchanges: Sequence[Exchange]) -> None:
    from toolworthy.output.exports.atif import trajectory

    if isinstance(result, TrialResult):
        name = file_name(str(result.key)).removesuffix(".jsonl.zst")
        steps = trajectory(result, exchanges, model)
        run.write(f"atif/{name}.json", json.dumps(steps, ensure_ascii=False, indent=1) + "\n")
