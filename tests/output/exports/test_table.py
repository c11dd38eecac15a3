"""One table of runs: every result a row, numbers as they were measured, nothing that a spreadsheet would obey."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from toolworthy.base.errors import ToolworthyError
from toolworthy.output.exports import table
from toolworthy.output.write import write_report
from toolworthy.records.case import CaseKey, CaseResult, Miss
from toolworthy.records.finding import Finding
from toolworthy.records.meta import RunMeta
from toolworthy.records.probe import ProbeKey, ProbeResult
from toolworthy.records.replay import Adaptation, Called, Decision, Difference, ReplayKey, ReplayResult
from toolworthy.records.score import Cause, Score, Tokens
from toolworthy.records.store import RunDirectory
from toolworthy.records.trial import TrialKey, TrialResult, Verification
from toolworthy.work.cases.field import REFERENCE

STARTED = 1_790_000_000.125
ABOUT: dict[str, Any] = {
    "toolworthy": "0.9",
    "python": "3",
    "platform": "p",
    "command": "c",
    "started": STARTED,
    "endpoint": {"name": "near", "model": "m-1", "provider": "generic", "base_urls": {}},
    "agents": {"codex": "1.2", "builtin": "0.9"},
    "options": {"reference": {"name": "far", "model": "m-0"}},
}
NAMES = [column.name for column in table.COLUMNS]


def finding(code: str, severity: str = "degrades") -> Finding:
    evidence = {"exchange": 0}
    return Finding.model_validate(
        {"code": code, "title": "t", "severity": severity, "detail": "d", "evidence": evidence}
    )


def trial(**more: Any) -> TrialResult:
    score = Score(
        requests=4,
        turns=3,
        calls=2,
        tokens=Tokens(input=100, output=20, cached=60, cache_write=30),
        cost_usd=0.1 + 0.2,
        first_token_seconds=(0.5, 0.1, 0.2),
        findings=(finding("TW702"), finding("TW301", "blocks"), finding("TW702")),
        translated=True,
        models_answered=("m-1", "m-1-mini"),
    )
    told: dict[str, Any] = {
        "key": TrialKey(suite="tasks", task="rename", agent="codex", repeat=2),
        "status": "failed",
        "cause": Cause(kind="gave up", fault="model", detail="it says so"),
        "score": score,
        "verification": Verification(reward=0.25, output="", ended="exit", seconds=1),
        "agent_api": "responses",
        "endpoint_api": "chat",
        "started": STARTED,
        "seconds": 12.5,
        "reproduce": "toolworthy run tasks",
    }
    return TrialResult(**told | more)


def case(status: str = "wrong", toolset: str = "codex", **more: Any) -> CaseResult:
    key = CaseKey(case="c", toolset=toolset)
    return CaseResult.model_validate({"key": key, "category": "exact", "status": status, "turns": 1, **more})


def probe(verdict: str, severity: str = "blocks", *findings: Finding) -> ProbeResult:
    key = ProbeKey(probe="p", api="chat", stream=True)
    told: dict[str, Any] = {"key": key, "title": "t", "verdict": verdict, "severity": severity, "requests": 2}
    return ProbeResult(**told, findings=findings)


def made(tmp_path: Path, *results: Any, about: dict[str, Any] = ABOUT) -> RunDirectory:
    run = RunDirectory.create(tmp_path, RunMeta.model_validate(about))
    for result in results:
        run.append(result)
    return run


def only(run: RunDirectory) -> dict[str, Any]:
    (row,) = table.rows(run)
    return row


def as_csv(run: RunDirectory) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table.csv_text(table.rows(run)))))


def test_a_trial_says_all_that_was_measured(tmp_path: Path) -> None:
    run = made(tmp_path, trial())
    assert only(run) == {
        "run": run.path.name,
        "started": datetime(2026, 9, 21, 14, 13, 20, 125_000, tzinfo=UTC),
        "toolworthy": "0.9",
        "endpoint": "near",
        "model": "m-1",
        "suite": "tasks",
        "item": "rename",
        "agent": "codex",
        "agent_version": "1.2",
        "repeat": 2,
        "status": "failed",
        "category": None,
        "cause": "gave up",
        "fault": "model",
        "severity": "blocks",
        "credit": 0.25,
        "turns": 3,
        "calls": 2,
        "requests": 4,
        "input_tokens": 100,
        "output_tokens": 20,
        "cached_tokens": 60,
        "cache_write_tokens": 30,
        "reasoning_tokens": None,
        "cost_usd": 0.1 + 0.2,
        "seconds": 12.5,
        "first_token_seconds": 0.2,
        "agent_api": "responses",
        "endpoint_api": "chat",
        "translated": True,
        "models_answered": ("m-1", "m-1-mini"),
        "findings": ("TW702", "TW301"),
        "triage": (),
        "ceiling": None,
        "reproduce": "toolworthy run tasks",
    }
    (shown,) = as_csv(run)
    assert list(shown) == NAMES
    assert (shown["started"], shown["cost_usd"]) == ("2026-09-21T14:13:20.125000Z", "0.30000000000000004")
    assert (shown["translated"], shown["findings"], shown["reasoning_tokens"]) == ("true", "TW702 TW301", "")


def test_what_is_not_the_models_has_no_credit(tmp_path: Path) -> None:
    """Its reward of 0 would otherwise count as a failure wherever the column is averaged."""
    lost = Verification(reward=0.0, output="", ended="exit", seconds=1)
    assert only(made(tmp_path / "a", trial(status="error", verification=lost)))["credit"] is None
    assert only(made(tmp_path / "b", trial(status="failed", verification=lost)))["credit"] == 0.0
    assert only(made(tmp_path / "c", case("unmeasured", credit=0.0)))["credit"] is None
    limit = Cause(kind="budget", fault="our limit", detail="stopped by timeout", limit="time")
    ended = trial(status="error", verification=lost, cause=limit)
    assert only(made(tmp_path / "d", ended))["credit"] == 0.0, "not solved within the limit"
    assert only(made(tmp_path / "e", case("unmeasured", credit=0.0, limit="tokens")))["credit"] == 0.0


def test_a_case_names_its_first_miss_that_counts(tmp_path: Path) -> None:
    misses = (Miss(kind="extra call", strict=True), Miss(kind="wrong argument"), Miss(kind="no call"))
    row = only(made(tmp_path, case(misses=misses, credit=0.5, api="messages")))
    assert (row["suite"], row["item"], row["agent"], row["category"]) == ("tools", "c", "codex", "exact")
    assert (row["status"], row["cause"], row["credit"]) == ("wrong", "wrong argument", 0.5)
    assert row["agent_api"] == row["endpoint_api"] == "messages"


def test_a_case_of_the_reference_is_of_the_reference(tmp_path: Path) -> None:
    rows = list(table.rows(made(tmp_path, case(toolset="k2vv"), case(toolset=REFERENCE))))
    assert [(row["endpoint"], row["model"]) for row in rows] == [("near", "m-1"), ("far", "m-0")]


@pytest.mark.parametrize(
    ("result", "severity"),
    [
        (probe("supported"), None),
        (probe("unmeasured"), None),
        (probe("broken"), "blocks"),
        (probe("ignored", "cosmetic", finding("TW702")), "degrades"),
        (probe("supported", "blocks", finding("TW702", "cosmetic")), "cosmetic"),
    ],
)
def test_a_probes_severity_is_that_of_what_went_wrong(tmp_path: Path, result: ProbeResult, severity: str) -> None:
    row = only(made(tmp_path, result))
    assert (row["suite"], row["item"], row["agent"], row["requests"]) == ("wire", "p", "chat-stream", 2)
    assert row["severity"] == severity


def decision(**more: Any) -> Decision:
    called = Called(name="f", arguments="{}", value="v", text="t", known=True, parses=True, problem=None)
    return Decision(calls=(called,), model="m-2", input_tokens=7, seconds=1.5, findings=("TW101",), **more)


def test_a_replay_says_whether_the_decision_is_the_same(tmp_path: Path) -> None:
    key = ReplayKey(trial="tasks/rename/codex#1", exchange=3)
    told: dict[str, Any] = {"status": "compared", "old": decision(), "new": decision(), "exchanges": "exchanges/x"}
    form = Difference(kind="finish reason", detail="stop, tool_calls")
    other = Difference(kind="other arguments", detail="a, b")
    adapted = Adaptation(how="adapted", recorded_api="chat", api="messages")
    about = {**ABOUT, "replay": {"reference": {"name": "old", "model": "m-0"}}}
    results = (
        ReplayResult(key=key, differences=(form,), **told),
        ReplayResult(key=key.model_copy(update={"number": 2}), differences=(form, other), adapted=adapted, **told),
        ReplayResult(key=key.model_copy(update={"side": "reference"}), status="unmeasured"),
    )
    same, changed, lost = table.rows(made(tmp_path, *results, about=about))
    assert (same["suite"], same["item"], same["agent"]) == ("replay", "tasks/rename/codex#1, exchange 3", "target")
    assert (same["credit"], same["cause"], same["calls"], same["models_answered"]) == (1.0, None, 1, ("m-2",))
    assert (changed["credit"], changed["cause"], changed["repeat"]) == (0.0, "other arguments", 2)
    assert (changed["input_tokens"], changed["endpoint_api"]) == (7, "messages")
    assert (lost["credit"], lost["endpoint"], lost["model"], lost["requests"]) == (None, "old", "m-0", 0)


@pytest.mark.parametrize(
    "said",
    [
        "=cmd|' /C calc'!A0",
        "+1+1",
        "-2+3",
        "@SUM(1)",
        "\t=1",
        "\r=1",
        "  \n =1",
        "＝1",
        "plain;=1",
        'plain; "=1',
        "\u200b",
    ],
)
def test_no_cell_begins_a_formula(tmp_path: Path, said: str) -> None:
    """By the strictest reader: one that parts cells at semicolons too, and forgets about space and quotes."""
    endpoint = {"name": said, "model": said}
    key = TrialKey(suite="tasks", task=said, agent=said)
    run = made(tmp_path, trial(key=key, score=Score(models_answered=(said, said))), about={"endpoint": endpoint})
    text = table.csv_text(table.rows(run))
    assert len(text.splitlines()) == 2
    cells = [cell for line in csv.reader(io.StringIO(text)) for whole in line for cell in whole.split(";")]
    assert len(cells) >= len(NAMES) * 2
    assert not [cell for cell in cells if cell.strip(' "')[:1] in tuple("=+-@＝")]
    assert not set(text) & {"\t", "\r", "\u200b"}


def test_numbers_are_left_as_they_are(tmp_path: Path) -> None:
    run = made(tmp_path, trial(seconds=-1.5, score=Score(tokens=Tokens(input=-3), cost_usd=-1e-7)))
    (shown,) = as_csv(run)
    assert (shown["seconds"], shown["input_tokens"], shown["cost_usd"]) == ("-1.5", "-3", "-1e-07")
    assert [float(shown[name]) for name in ("seconds", "cost_usd")] == [-1.5, -1e-7]


def test_commas_quotes_and_line_breaks_stay_in_their_cell(tmp_path: Path) -> None:
    key = TrialKey(suite="tasks", task='a,"b"\n\x1b[31mc\u202ed', agent="codex")
    (shown,) = as_csv(made(tmp_path, trial(key=key)))
    assert shown["item"] == 'a,"b" ␛1b[31mc⟨U+202E⟩d'
    assert shown["agent"] == "codex"


def test_lone_surrogates_and_endless_numbers_do_no_harm(tmp_path: Path) -> None:
    about = {"schema": 1, **ABOUT, "endpoint": {"name": "a\ud800b", "model": "\udfff"}}
    run = made(tmp_path, trial(started=1e300, score=Score(tokens=Tokens(input=10**30))), about=ABOUT)
    (run.path / "run.json").write_text(json.dumps(about))  # as JSON escapes, which are read as they stand there
    row = only(run)
    assert (row["endpoint"], row["model"], row["input_tokens"], row["started"]) == ("a?b", "?", None, None)
    table.csv_text([row]).encode()


def test_a_run_that_was_killed_is_a_header(tmp_path: Path) -> None:
    run = made(tmp_path)
    assert not (run.path / "results.jsonl").exists()
    write_report(run)
    assert (run.path / "results.csv").read_text() == ",".join(NAMES) + "\n"


def test_every_run_directory_has_its_table(tmp_path: Path) -> None:
    run = made(tmp_path, trial(), case("right"), probe("broken"))
    write_report(run)
    shown = list(csv.DictReader(io.StringIO((run.path / "results.csv").read_text(encoding="utf-8"))))
    assert [row["suite"] for row in shown] == ["tasks", "tools", "wire"]
    assert shown == as_csv(run)


def test_every_column_is_documented_in_its_place() -> None:
    page = (Path(__file__).parents[3] / "docs" / "formats.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `(\w+)` \| (\w+) \| (.+) \|$", page, re.MULTILINE)
    assert told == [(column.name, column.kind, column.about) for column in table.COLUMNS]


def test_parquet_has_types_and_says_what_they_mean(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    said = "=a\x1b\n\ud800"
    rows = list(table.rows(made(tmp_path, trial(), probe("broken"))))
    rows[0]["item"] = table._sound(said)
    table.write_parquet(tmp_path / "t.parquet", rows)
    read = parquet.read_table(tmp_path / "t.parquet")
    assert read.column_names == NAMES
    types = {"text": "string", "integer": "int64", "number": "double", "boolean": "bool"}
    types |= {"texts": "list<element: string>", "time": "timestamp[us, tz=UTC]"}
    assert [str(field.type) for field in read.schema] == [types[column.kind] for column in table.COLUMNS]
    assert read.schema.field("cost_usd").metadata == {b"description": b"US dollars"}
    first, second = read.to_pylist()
    assert first["item"] == "=a\x1b\n?"
    assert first["started"] == datetime.fromtimestamp(STARTED, UTC)
    assert (first["findings"], second["findings"], second["models_answered"]) == (["TW702", "TW301"], [], None)
    assert second["input_tokens"] is None


def test_parquet_of_nothing_is_a_table_without_rows(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    table.write_parquet(tmp_path / "t.parquet", [])
    assert parquet.read_table(tmp_path / "t.parquet").num_rows == 0


def test_without_pyarrow_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ToolworthyError, match=r"pip install 'toolworthy\[parquet\]'"):
        table.write_parquet(tmp_path / "t.parquet", [])
    assert not (tmp_path / "t.parquet").exists()
