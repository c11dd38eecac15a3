"""``toolworthy triage RUN [CODE --state STATE]``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from toolworthy.base.atomic import whole
from toolworthy.base.errors import ToolworthyError
from toolworthy.base.nearest import did_you_mean
from toolworthy.base.sanitize import one_line, show
from toolworthy.judgement.analysis.outcome import outcome
from toolworthy.judgement.analysis.root_cause import RootCause
from toolworthy.judgement.analysis.root_causes import causes_of
from toolworthy.judgement.analysis.triage import entry
from toolworthy.output.write import write_report
from toolworthy.records.store import RunDirectory
from toolworthy.records.triage import TriageEntry, TriageState, load_triage, merged, triage_text
from toolworthy.rules import label


def run(
    path: Path, wanted: str | None, state: TriageState | None, note: str, until: date | None, file: Path | None
) -> int:
    """List the findings of a run with their state, or decide about one and write the run's pages again.

    Raises:
        ToolworthyError: there is no run or no such finding, an option is missing, or a file cannot be written.
    """
    directory = RunDirectory.open(path)
    causes = causes_of(directory)
    if wanted is None or state is None:
        if wanted or state or note or until or file:
            raise ToolworthyError(f"say what and how. Type `toolworthy triage {path} CODE --state STATE --note TEXT`.")
        nothing = (
            f"nothing to triage. `toolworthy evidence {path}` lists failed trials and findings without a root cause."
        )
        show("\n".join(_lines(causes, directory.triage)) or nothing)
        return 0
    cause = _chosen(causes, wanted)
    decided = entry(cause.sighting, state, one_line(note), until, directory.meta.endpoint)
    if file:
        text = directory.redactor.text(triage_text(merged(load_triage(file), [decided])))
        with whole(file) as partial:
            partial.write_text(text, encoding="utf-8")
    directory.decide([decided])
    write_report(directory)
    result = next(one for one in causes_of(directory) if one.code == cause.code)
    show(f"{result.name}: {result.triage}")
    show(str(outcome(directory)))
    return 0


def _chosen(causes: Sequence[RootCause], wanted: str) -> RootCause:
    """The root cause of this code or slug."""
    names = {name.casefold(): cause for cause in causes for name in (cause.code, *label(cause.code).split())}
    if cause := names.get(wanted.casefold()):
        return cause
    above = next((one for one in causes if wanted.casefold() in map(str.casefold, one.codes)), None)
    if above:
        raise ToolworthyError(f"{wanted} follows from {label(above.code)}. Decide about that.")
    hint = did_you_mean(wanted, [cause.code for cause in causes]) if causes else "; it has none. Give another run."
    raise ToolworthyError(f"the run has no finding {wanted!r}{hint}")


def _lines(causes: Sequence[RootCause], entries: Sequence[TriageEntry]) -> Iterator[str]:
    """Each finding in a line, with the decision below it; then entries without a finding."""
    for cause in causes:
        yield one_line(f"{cause.triage.state}  {cause.name}: {cause.harm} ({cause.count})")
        if decision := str(cause.triage):
            yield f"    {one_line(decision)}"
    codes = {cause.code for cause in causes}
    for decided in entries:
        if decided.code not in codes:
            note = f": {decided.note}" if decided.note else ""
            yield one_line(f"not seen  {label(decided.code)}: {decided.state}{note}")
