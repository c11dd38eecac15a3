"""A run as an object: results, findings, verdicts and exchanges."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from toolworthy.base.errors import ToolworthyError
from toolworthy.judgement.analysis.outcome import outcome
from toolworthy.judgement.analysis.overall import Overall, overall
from toolworthy.output.exports.table import Row, rows
from toolworthy.output.terminal.summary import markdown
from toolworthy.records.case import CaseResult
from toolworthy.records.exchange import Exchange
from toolworthy.records.finding import Finding
from toolworthy.records.meta import RunMeta
from toolworthy.records.probe import ProbeResult
from toolworthy.records.result import Result
from toolworthy.records.store import RunDirectory
from toolworthy.records.trial import TrialResult

if TYPE_CHECKING:
    import pandas  # type: ignore[import-untyped]


@dataclass(frozen=True)
class Run:
    """The contents of a run directory. ``Run.open`` reads an existing one, :func:`toolworthy.run` makes a new one."""

    directory: RunDirectory

    @classmethod
    def open(cls, path: Path | str) -> Run:
        """The run in a directory.

        Raises:
            ToolworthyError: it is not a run directory, or cannot be read.
        """
        return cls(RunDirectory.open(Path(path)))

    @property
    def path(self) -> Path:
        """The run directory."""
        return self.directory.path

    @property
    def report(self) -> Path:
        """The path of the HTML report in the run directory."""
        return self.path / "report.html"

    @property
    def meta(self) -> RunMeta:
        """The metadata in ``run.json``: versions, endpoint, options."""
        return self.directory.meta

    @property
    def trials(self) -> tuple[TrialResult, ...]:
        """Of the suite ``tasks``: one result for each task, agent and attempt."""
        return self.directory.results()

    @property
    def cases(self) -> tuple[CaseResult, ...]:
        """Of the suite ``tools``: one result for each tool-call case and each agent's toolset."""
        return self.directory.cases()

    @property
    def probes(self) -> tuple[ProbeResult, ...]:
        """Of the suite ``wire``: one result for each probe, wire API and mode (streamed, whole)."""
        return self.directory.probes()

    @property
    def results(self) -> tuple[Result, ...]:
        """All of these."""
        return self.directory.measured()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings in all responses, result by result."""
        return tuple(finding for result in self.results for finding in result.findings)

    @property
    def verdicts(self) -> tuple[Overall, ...]:
        """Each agent's verdict: a level (works; works, fails when; broken; untested) and a headline."""
        return overall(self.trials, self.probes)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Short reasons why the run failed; empty if it did not."""
        return outcome(self.directory).reasons

    @property
    def ok(self) -> bool:
        """Whether the run passed: ``toolworthy run`` exits with 0."""
        return not self.reasons

    def exchanges(self, result: Result) -> tuple[Exchange, ...]:
        """The recorded requests and responses of one of its results."""
        return self.directory.exchanges(result.exchanges)

    def rows(self) -> list[Row]:
        """One row for each result: the columns of ``results.csv``, as Python values."""
        return list(rows(self.directory))

    def dataframe(self) -> pandas.DataFrame:
        """The same as a pandas DataFrame.

        Raises:
            ToolworthyError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise ToolworthyError("a DataFrame needs pandas. Type `pip install 'toolworthy[pandas]'`.") from error
        return pandas.DataFrame(self.rows())

    def _repr_markdown_(self) -> str:
        """The display in a notebook: ``summary.md``."""
        return markdown(self.directory)
