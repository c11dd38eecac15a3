"""The defect catalogue for readers: ``toolworthy oracle --list`` and ``docs/defects.md``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from toolworthy import rules
from toolworthy.content import adapters, breakage
from toolworthy.content.adapters import AgentAdapter
from toolworthy.content.breakage import Measured
from toolworthy.content.situations import NEVER, Situation, order
from toolworthy.output._markdown import render
from toolworthy.output.rule_pages import link
from toolworthy.reference.defects import Defect, catalogue
from toolworthy.reference.events import STAGES
from toolworthy.work.probes import load_suite

_SHORT: dict[breakage.Outcome, str] = {
    "unaffected": "–",
    "recovers": "recovers",
    "wrong result": "**wrong**",
    "dies": "**dies**",
    "hangs": "**hangs**",
}


def situations(defect: Defect) -> tuple[Situation, ...]:
    """The situations of the rules and probes that name the defect, and the plain task, in the order of a verdict."""
    known: dict[str, Situation] = {rule.code: rule.situation for rule in rules.RULES}
    known |= {probe.id: probe.situation for probe in load_suite().values()}
    return tuple(sorted({"always", *(known[code] for code in defect.caught_by if code in known)}, key=order))


def lines() -> Iterator[str]:
    """One line for every defect."""
    for defect in catalogue():
        yield f"{defect.id:<55}  {'/'.join(defect.apis):<23}  {defect.severity:<8}  {defect.title}"


def page() -> str:
    """The whole catalogue as Markdown: what catches each defect, and what agents did with it."""
    versions = {row.agent: row.version for row in breakage.rows()}
    agents = [agent for agent in adapters.agents() if agent.id in versions]
    alone = {(row.stage, row.agent): _SHORT[row.outcome] for row in breakage.rows() if not row.defect}
    rows: dict[str, list[Measured]] = {}
    for row in breakage.measured():
        rows.setdefault(row.defect, []).append(row)
    return render(
        "defects",
        defects=catalogue(),
        seen=[_row(defect, rows.get(defect.id, []), agents) for defect in catalogue() if defect.caught_by],
        stages=[(stage, [alone.get((stage.id, agent.id), "") for agent in agents]) for stage in STAGES],
        measured=[f"{agent.title} {versions[agent.id]}" for agent in agents],
        titles=[agent.title for agent in agents],
        plain=_escaped,
        links=lambda defect: ", ".join(map(link, defect.sources)),
    )


def _row(
    defect: Defect, rows: Sequence[Measured], agents: Sequence[AgentAdapter]
) -> tuple[Defect, list[str], str, list[str]]:
    """A row: a defect, what catches it, where it was measured, and what each agent did."""
    cells = [_cell([row for row in rows if row.agent == agent.id]) for agent in agents]
    return defect, [_code(code) for code in defect.caught_by], _where(defect, rows), cells


def _where(defect: Defect, rows: Sequence[Measured]) -> str:
    """The stages that it was measured on, and the situations without a stage."""
    on = {row.stage for row in rows}
    staged = ", ".join(stage.id for stage in STAGES if stage.id in on)
    known = NEVER | {stage.situation for stage in STAGES}
    lacking = ", ".join(name for name in situations(defect) if name not in known)
    return "; ".join(filter(None, [staged, lacking and f"no stage for {lacking}"]))


def _cell(rows: Sequence[Measured]) -> str:
    """What one agent did, by stage. "not met" appears only if it met the defect on no stage."""
    met = {row.stage: _SHORT[row.outcome] for row in rows if row.met}
    on = {stage.id: "" if stage.situation == "always" else f" on {stage.id}" for stage in STAGES if stage.id in met}
    outcomes = [met[name] + where for name, where in on.items()]
    return ", ".join(outcomes) or ("·" if rows else "")


def _code(code: str) -> str:
    return f"[{code}](rules/{code}.md)" if code in {rule.code for rule in rules.RULES} else f"`{code}`"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
