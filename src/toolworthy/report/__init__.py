"""Show a run: an HTML file, a Markdown summary, JUnit XML, ATIF trajectories. All are readers of the run directory."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from toolworthy.exchange import Exchange
from toolworthy.runs.result import TrialResult
from toolworthy.runs.store import RunDirectory


@dataclass(frozen=True)
class Written:
    """Where a run's pages are."""

    html: Path
    summary: Path


def write_report(run: RunDirectory) -> Written:
    """Write ``report.html``, ``summary.md``, ``junit.xml`` and ``atif/`` from what the run directory holds."""
    from toolworthy.replay import summary as replayed
    from toolworthy.report import html, junit, summary
    from toolworthy.report.atif import trajectory

    results = run.results()
    about = run.about
    exchanges = {str(result.key): _exchanges(run, result) for result in results}
    (run.path / "atif").mkdir(exist_ok=True)
    for result in results:
        steps = trajectory(result, exchanges[str(result.key)], str(about["endpoint"]["model"]))
        name = str(result.key).replace("/", "_").replace("#", "-")
        run.write(f"atif/{name}.json", json.dumps(steps, ensure_ascii=False, indent=1) + "\n")
    page = run.write("report.html", html.page(about, results, exchanges, run.probes(), run.cases(), run.gate))
    if not run.replays():
        run.write("junit.xml", junit.document(run))
    told = (
        replayed.markdown(run)
        if run.replays()
        else summary.markdown(about, results, run.probes(), run.cases(), run.gate)
    )
    return Written(page, run.write("summary.md", told))


def _exchanges(run: RunDirectory, result: TrialResult) -> tuple[Exchange, ...]:
    from toolworthy.runs.exchanges import read_all

    path = run.path / result.exchanges
    return read_all(path) if result.exchanges and path.is_file() else ()
