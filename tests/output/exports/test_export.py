"""`toolworthy export`: files for other programs, and one clear line where there can be none."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from toolworthy.cli.main import main
from toolworthy.output.exports import schema
from toolworthy.records.case import CaseKey, CaseResult
from toolworthy.records.meta import RunMeta
from toolworthy.records.probe import ProbeKey, ProbeResult
from toolworthy.records.replay import ReplayKey, ReplayResult
from toolworthy.records.store import RunDirectory
from toolworthy.records.trial import TrialKey, TrialResult

ABOUT = {"toolworthy": "0.9", "started": 1_790_000_000.0, "endpoint": {"name": "near", "model": "m"}}
TRIAL = TrialResult(key=TrialKey(suite="tasks", task="t", agent="codex"), status="passed")
CASE = CaseResult(key=CaseKey(case="c", toolset="codex"), category="k", status="right")
PROBE = ProbeResult(key=ProbeKey(probe="p", api="chat"), title="t", verdict="supported")
REPLAY = ReplayResult(key=ReplayKey(trial="tasks/t/codex#1", exchange=0), status="unmeasured")


def made(folder: Path, *results: Any) -> str:
    run = RunDirectory.create(folder, RunMeta.model_validate(ABOUT))
    for result in results:
        run.append(result)
    return str(run.path)


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["export", *arguments])
    out, err = capsys.readouterr()
    return code, out, re.sub(r"next: .*\n", "", err)


def test_several_runs_are_one_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [made(tmp_path, TRIAL, PROBE), made(tmp_path), made(tmp_path, REPLAY)]
    target = tmp_path / "all.csv"
    assert said(capsys, *runs, "--csv", str(target)) == (0, f"{target}\n", "")
    rows = list(csv.DictReader(io.StringIO(target.read_text())))
    assert [(row["run"], row["suite"]) for row in rows] == [
        (Path(runs[0]).name, "tasks"),
        (Path(runs[0]).name, "wire"),
        (Path(runs[2]).name, "replay"),
    ]


def test_the_same_as_parquet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    target = tmp_path / "all.parquet"
    runs = [made(tmp_path, TRIAL), made(tmp_path, CASE)]
    assert said(capsys, *runs, "--parquet", str(target)) == (0, f"{target}\n", "")
    assert parquet.read_table(target)["suite"].to_pylist() == ["tasks", "tools"]


def test_logs_of_inspect_go_into_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One for each suite and agent; what holds none is named; written again, they replace themselves."""
    runs, folder = [made(tmp_path, TRIAL, CASE), made(tmp_path, PROBE)], tmp_path / "new" / "logs"
    for _ in range(2):
        code, out, err = said(capsys, *runs, "--inspect", str(folder))
        assert code == 0
        assert err == f"{runs[1]} holds no trial and no case: left out\n"
        assert sorted(out.splitlines()) == sorted(map(str, folder.iterdir()))
    tasks = [json.loads(path.read_text())["eval"]["task"] for path in sorted(folder.iterdir())]
    assert tasks == ["toolworthy-tasks", "toolworthy-tools"]


def test_a_single_log_may_be_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "one.json"
    assert said(capsys, made(tmp_path, TRIAL), "--inspect", str(target)) == (0, f"{target}\n", "")
    assert json.loads(target.read_text())["eval"]["solver"] == "codex"


def test_the_schema_needs_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "schema.json"
    assert said(capsys, "--schema", str(target))[0] == 0
    assert target.read_text(encoding="utf-8") == schema.text()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--csv", "x.csv"], "no run is named. Type `toolworthy export RUN… --csv x.csv"),
        (["RUN", "--schema", "x"], "--schema describes every run. Leave the run out."),
        ([".", "--csv", "x.csv"], ". is not a run directory: it has no run.json"),
        (["RUN", "--csv", "no/x.csv"], "cannot write no/x.csv: No such file or directory"),
        (["RUN", "--csv", "."], "cannot write .: Is a directory"),
        (["RUN", "--inspect", "file/logs"], "cannot write into file/logs: Not a directory"),
        (
            ["RUN", "--inspect", "x.json"],
            "there are 2 logs (tasks by codex, tools by codex), and a file holds one. Name a",
        ),
        (["EMPTY", "--inspect", "logs"], "EMPTY holds no trial and no case. Give a run of tasks or tools."),
    ],
)
def test_what_cannot_be_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    line: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    names = {"RUN": made(tmp_path, TRIAL, CASE), "EMPTY": made(tmp_path)}
    code, out, err = said(capsys, *(names.get(one, one) for one in arguments))
    assert (code, out) == (4, "")
    assert err.startswith("error: " + line.replace("EMPTY", names["EMPTY"]))
    assert err.count("\n") == 1
    assert not (tmp_path / "logs").exists()


def test_a_broken_run_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = Path(made(tmp_path, TRIAL))
    (path / "run.json").write_text("{")
    code, _, err = said(capsys, str(path), "--csv", str(tmp_path / "x"))
    assert code == 4
    assert err.startswith(f"error: {path / 'run.json'} cannot be read: ")


def test_one_format_at_a_time(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "run", "--csv", "a", "--parquet", "b"]) == 4
    assert "not allowed with" in capsys.readouterr().err
