"""The defect catalogue for readers: ``toolworthy oracle --list`` and ``docs/defects.md``."""

from __future__ import annotations

from collections.abc import Iterator

from toolworthy import adapters, breakage
from toolworthy.oracle.defects import Defect, catalogue
from toolworthy.rules.commands import link

_SHORT: dict[breakage.Outcome, str] = {
    "unaffected": "–",
    "recovers": "recovers",
    "wrong result": "**wrong**",
    "dies": "**dies**",
    "hangs": "**hangs**",
}


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
    versions = {row.agent: row.version for row in breakage.measured()}
    yield "# The defect catalogue"
    yield ""
    yield "Written by `toolworthy oracle --page docs/defects.md`."
    yield ""
    yield (
        f"{len(defects)} defects of real endpoints, which the oracle can show: "
        "`pytest suites --endpoint oracle:ID[,ID]` tests the suite with one, `toolworthy oracle --defect ID` serves it "
        f"for a client of yours. {len(seen)} of them are caught by the rules and probes that are named here, as a test "
        "of the suite proves on every change; the others cannot be told from a right answer, and say why."
    )
    yield ""
    yield (
        "The columns of the agents say what each did when the oracle showed it the defect in a small coding task "
        "(`toolworthy matrix`): – unaffected, recovers (more requests than without), wrong result, dies, hangs. "
        "Empty: not measured, or the agent does not speak that API. One trial each, over the oracle, "
        + (
            "with " + ", ".join(f"{agent.title} {versions[agent.id]}" for agent in agents if agent.id in versions) + "."
            if versions
            else "none yet."
        )
    )
    yield ""
    yield "| defect | API | caught by | " + " | ".join(agent.title for agent in agents) + " | seen at | sources |"
    yield "|---|---|---|" + "---|" * len(agents) + "---|---|"
    outcomes = {(row.defect, row.agent): row.outcome for row in breakage.measured()}
    for defect in seen:
        cells = [outcomes.get((defect.id, agent.id)) for agent in agents]
        shown = [_SHORT[cell] if cell else "" for cell in cells]
        codes = ", ".join(_code(code) for code in defect.caught_by)
        sources = ", ".join(link(source) for source in defect.sources) or "the specification"
        yield (
            f"| **{defect.id}**: {_plain(defect.title)} | {', '.join(defect.apis)} | {codes} | "
            + " | ".join(shown)
            + f" | {_plain(defect.seen)} | {sources} |"
        )
    yield ""
    yield "## What no client can see"
    yield ""
    yield "| defect | API | why | sources |"
    yield "|---|---|---|---|"
    for defect in defects:
        if defect.unseen:
            yield _unseen(defect)


def _unseen(defect: Defect) -> str:
    sources = ", ".join(link(source) for source in defect.sources)
    apis = ", ".join(defect.apis)
    return f"| **{defect.id}**: {_plain(defect.title)} | {apis} | {_plain(defect.unseen)} | {sources} |"


def _code(code: str) -> str:
    return f"[{code}](rules/{code}.md)" if code.startswith("TW") else f"`{code}`"


def _plain(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
