"""The defect catalogue for readers: ``toolworthy oracle --list`` and ``docs/defects.md``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from toolworthy import rules
from toolworthy.content import adapters, breakage
from toolworthy.content.adapters import AgentAdapter
from toolworthy.content.breakage import Measured
from toolworthy.content.situations import NEVER, Situation, order
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
    return "\n".join(_page()) + "\n"


def _page() -> Iterator[str]:
    defects = catalogue()
    seen = [defect for defect in defects if defect.caught_by]
    agents = [agent for agent in adapters.agents() if agent.install]
    yield from ("# The defect catalogue", "", "Written by `toolworthy oracle --page docs/defects.md`.", "")
    yield (
        f"{len(defects)} defects of real endpoints, which the oracle can show: "
        "`pytest suites --endpoint oracle:ID[,ID]` tests the suite with one, `toolworthy oracle --defect ID` serves it "
        f"for a client of yours. {len(seen)} of them are caught by the rules and probes that are named here, as a test "
        "of the suite proves on every change; the others cannot be told from a right answer, and say why."
    )
    yield from ("", *_alone(agents), "", "## The defects", "")
    yield (
        "The columns of the agents say what each did when the oracle showed it the defect, in the plain task or on the "
        "stage that is named: – unaffected, recovers (more requests than without), wrong result, dies, hangs; · the "
        "agent asked nothing that the defect shows in. What an agent does on the stage anyway is not held against the "
        "defect. Empty: not measured, or the agent does not speak that API. One trial each."
    )
    titles = " | ".join(agent.title for agent in agents)
    yield from ("", f"| defect | API | caught by | measured on | {titles} | seen at | sources |")
    yield "|---|---|---|---|" + "---|" * len(agents) + "---|---|"
    rows: dict[str, list[Measured]] = {}
    for row in breakage.measured():
        rows.setdefault(row.defect, []).append(row)
    for defect in seen:
        yield _seen(defect, rows.get(defect.id, []), agents)
    yield from ("", "## What no client can see", "", "| defect | API | why | sources |", "|---|---|---|---|")
    yield from (_unseen(defect) for defect in defects if defect.unseen)


def _alone(agents: Sequence[AgentAdapter]) -> Iterator[str]:
    """What agents do on each stage without a defect."""
    versions = {row.agent: row.version for row in breakage.rows()}
    cells = {(row.stage, row.agent): _SHORT[row.outcome] for row in breakage.rows() if not row.defect}
    yield from ("## What agents do with it", "")
    yield (
        "`toolworthy matrix` shows a defect to real agents in a small coding task ("
        + ", ".join(f"{agent.title} {versions[agent.id]}" for agent in agents if agent.id in versions)
        + "). Some defects show only in a situation that a plain task never meets, which a stage then brings about. "
        "Where the fault itself is staged (a refused request, a broken stream), a defect takes its place, once. What "
        "agents do on each stage without any defect:"
    )
    yield from ("", "| stage | situation | what happens | " + " | ".join(agent.title for agent in agents) + " |")
    yield "|---|---|---|" + "---|" * len(agents)
    for stage in STAGES:
        told = (cells.get((stage.id, agent.id), "") for agent in agents)
        yield f"| {stage.id} | {stage.situation} | {_plain(stage.title)} | " + " | ".join(told) + " |"


def _seen(defect: Defect, rows: Sequence[Measured], agents: Sequence[AgentAdapter]) -> str:
    cells = (
        f"**{defect.id}**: {_plain(defect.title)}",
        ", ".join(defect.apis),
        ", ".join(_code(code) for code in defect.caught_by),
        _where(defect, rows),
        *(_cell([row for row in rows if row.agent == agent.id]) for agent in agents),
        _plain(defect.seen),
        ", ".join(link(source) for source in defect.sources) or "the specification",
    )
    return f"| {' | '.join(cells)} |"


def _where(defect: Defect, rows: Sequence[Measured]) -> str:
    """The stages that it was measured on, and the situations that none brings about."""
    on = {row.stage for row in rows}
    staged = ", ".join(stage.id for stage in STAGES if stage.id in on)
    known = NEVER | {stage.situation for stage in STAGES}
    lacking = ", ".join(name for name in situations(defect) if name not in known)
    return "; ".join(filter(None, [staged, lacking and f"no stage for {lacking}"]))


def _cell(rows: Sequence[Measured]) -> str:
    """What one agent did, stage by stage; what it did not meet is told only where it met nothing."""
    met = {row.stage: _SHORT[row.outcome] for row in rows if row.met}
    on = {stage.id: "" if stage.situation == "always" else f" on {stage.id}" for stage in STAGES if stage.id in met}
    told = [met[name] + where for name, where in on.items()]
    return ", ".join(told) or ("·" if rows else "")


def _unseen(defect: Defect) -> str:
    sources = ", ".join(link(source) for source in defect.sources)
    apis = ", ".join(defect.apis)
    return f"| **{defect.id}**: {_plain(defect.title)} | {apis} | {_plain(defect.unseen)} | {sources} |"


def _code(code: str) -> str:
    return f"[{code}](rules/{code}.md)" if code in {rule.code for rule in rules.RULES} else f"`{code}`"


def _plain(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
