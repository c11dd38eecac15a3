"""Terminal, summary, JUnit and page agree on a run: first root cause, agents harmed, count, remedy, exit code."""

from __future__ import annotations

import html
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.support.commands import only_run, suites
from tests.support.look import Visit
from toolworthy.judgement.analysis.levels import levels
from toolworthy.judgement.analysis.outcome import outcome
from toolworthy.judgement.analysis.root_causes import causes_of
from toolworthy.records.store import RunDirectory

DEFECTS = {
    "call-id-null": ("TW101", ["OpenClaw", "OpenCode", "Qwen Code"], "Generate an id"),
    "assistant-content-null-rejected": ("tool-loop", ["OpenClaw", "Qwen Code"], "Change the server to accept"),
    "call-described-in-words": (
        "calls-in-words",
        ["Claude Code", "Codex", "OpenClaw", "OpenCode", "Qwen Code"],
        "Enable tool calls",
    ),
}
"""Defect to its root cause, the agents that do not work because of it, and the beginning of the remedy."""


def one_line(text: str) -> str:
    """Without wrapping, markup and quotation marks, in which the outputs may differ."""
    return " ".join(html.unescape(text).replace("**", "").replace("`", "").replace("'", "").split())


@pytest.mark.parametrize("defect", DEFECTS)
def test_all_outputs_tell_the_same_story(visit: Visit, tmp_path: Path, defect: str) -> None:
    code, harmed, fix = DEFECTS[defect]
    done = suites("--tier", "quick", "--endpoint", f"oracle:{defect}", cwd=tmp_path, suite="wire")
    run = RunDirectory.open(only_run(tmp_path))
    cause = causes_of(run)[0]
    agents = {level.agent.title: str(level.headline) for level in levels(run.probes())}
    assert (cause.code, cause.remedy.startswith(fix), done.returncode) == (code, True, 1)
    assert [name for name, verdict in agents.items() if verdict != "works"] == harmed
    reason = str(outcome(run))
    assert reason == f"exit 1: wire faults harm {len(harmed)} of 5 agents"

    junit = ET.parse(run.path / "junit.xml").getroot()
    properties = {one.attrib["name"]: one.attrib["value"] for one in junit.iter("property")}
    assert {name: properties[name] for name in agents} == agents
    page = visit(run.path / "report.html")
    texts = {
        "terminal": one_line(done.stdout[done.stdout.index("fix first:") :]),
        "summary": one_line((run.path / "summary.md").read_text()),
        "junit": one_line(" ".join(properties.values())),
        "page": one_line(page.locator("body").inner_text()),
    }
    for name, text in texts.items():
        for part in (cause.name, f"{cause.harm} ({cause.count})", cause.remedy, cause.unaffected, reason):
            assert one_line(part) in text, name
    cards = page.locator(".agents tbody tr").all_inner_texts()
    for (title, verdict), card in zip(agents.items(), cards, strict=True):
        assert title in card
        assert verdict.partition(",")[0].partition(" ")[0] in card or "fails when" in card
        assert f"{title}: {verdict}" in one_line(done.stdout)
