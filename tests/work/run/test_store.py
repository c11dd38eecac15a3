"""A run directory loses nothing that was measured."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.commands import suites
from toolworthy.base.errors import ToolworthyError
from toolworthy.cli.main import main
from toolworthy.endpoint.target import resolve
from toolworthy.records import CaseKey, CaseResult, ProbeKey, ProbeResult, ReplayKey, ReplayResult, Result, store
from toolworthy.records.meta import SCHEMA, RunMeta
from toolworthy.records.result import Named
from toolworthy.records.store import RunDirectory
from toolworthy.records.trial import TrialKey, TrialResult
from toolworthy.work.run.plan import Options


def result(task: str, status: str = "passed") -> TrialResult:
    return TrialResult(key=TrialKey(suite="tasks", task=task, agent="a"), status=status)


def test_the_latest_result_of_a_trial_counts(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path, RunMeta(command="x"))
    for one in (result("a", "error"), result("b"), result("a")):
        run.append(one)
    assert [(r.key.task, r.status) for r in RunDirectory.open(run.path).results()] == [("a", "passed"), ("b", "passed")]
    assert run.meta.command == "x"


def test_threads_that_change_run_json_at_once_lose_nothing(tmp_path: Path) -> None:
    """The session's thread adds what preflight found while pytest's adds what is planned."""
    run = RunDirectory.create(tmp_path, RunMeta())

    def plan(number: int) -> None:
        run.update(planned={"wire": number}) if number % 2 else run.update(command=str(number))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(plan, range(60)))
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(plan, (60, 61)))
    assert (run.meta.command, dict(run.meta.planned)) == ("60", {"wire": 61})


def test_a_torn_line_is_fenced_off(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path, RunMeta())
    run.append(result("a"))
    with (run.path / "results.jsonl").open("ab") as file:
        file.write(b'{"key": {"suite": "ta')
    run.append(result("b"))
    assert [r.key.task for r in run.results()] == ["a", "b"]


@pytest.mark.parametrize(
    ("left", "kept"),
    [(b'{"key": {"suite": "ta', b""), (b"\0" * 9000, b""), (result("b").model_dump_json().encode(), None)],
    ids=["cut", "NULs", "without its end"],
)
def test_what_a_killed_run_leaves_is_taken_off_and_the_run_is_whole(
    tmp_path: Path, left: bytes, kept: bytes | None
) -> None:
    run = RunDirectory.create(tmp_path, RunMeta())
    run.append(result("a"))
    path = run.path / "results.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + left)
    run.repair()
    assert path.read_bytes() == whole + (left + b"\n" if kept is None else kept)
    RunDirectory.open(run.path, whole=True).append(result("c"))
    assert len(RunDirectory.open(run.path, whole=True).results()) == (3 if kept is None else 2)


def damaged(folder: Path, damage: Callable[[list[bytes]], bytes]) -> RunDirectory:
    """A run of four results, whose file is as `damage` leaves it."""
    run = RunDirectory.create(folder, RunMeta())
    for task in "abcd":
        run.append(result(task))
    path = run.path / "results.jsonl"
    path.write_bytes(damage(path.read_bytes().splitlines(keepends=True)))
    return run


@pytest.mark.parametrize(
    ("damage", "read", "lost"),
    [
        (lambda lines: b"".join(lines)[:-20], "abc", 1),
        (lambda lines: lines[0] + lines[1][:30] + b"\n" + lines[2] + lines[3], "acd", 1),
        (lambda lines: lines[0] + lines[1][:30] + lines[2] + lines[3], "acd", 1),
        (lambda lines: lines[0] + b"\xff\x00\xfe" * 9 + b"\n" + lines[2], "ac", 1),
        (lambda lines: lines[0] + lines[1] + b"\0" * 4096, "ab", 0),
        (lambda lines: lines[0] + b"\0" * 4096 + lines[1], "ab", 0),
        (lambda lines: lines[0][:-1] + b"?" + lines[1] + b'{"a": 1}\n' + lines[2], "abc", 2),
        (lambda lines: b"".join(line.replace(b":", b": ") for line in lines), "abcd", 0),
        (lambda lines: b"", "", 0),
    ],
    ids=["cut", "cut within", "no end of line", "garbage", "NULs", "NULs before", "end overwritten", "spaces", "empty"],
)
def test_what_can_be_read_of_a_damaged_run_is_used(
    tmp_path: Path, damage: Callable[[list[bytes]], bytes], read: str, lost: int
) -> None:
    run = damaged(tmp_path, damage)
    assert "".join(one.key.task for one in run.results()) == read
    told = (
        f"results.jsonl is damaged: {lost} line{'s' * (lost != 1)} cannot be read; the {len(read)} results that can be"
    )
    assert told in run.damage if lost else not run.damage
    run.append(result("e"))
    assert "".join(one.key.task for one in RunDirectory(run.path).results()) == read + "e"


READERS = {
    "report": ["report", "{run}"],
    "gate": ["gate", "{run}", "{run}"],
    "history": ["history", "{run}"],
    "history of a folder": ["history", "."],
    "export": ["export", "{run}", "--csv", "out.csv"],
    "evidence": ["evidence", "{run}"],
    "badge": ["badge", "{run}"],
    "baseline": ["baseline", "save", "{run}", "kept"],
    "replay": ["replay", "{run}", "--endpoint", "oracle"],
}


@pytest.mark.process
@pytest.mark.parametrize("reader", READERS)
def test_every_reader_says_in_a_line_what_it_could_not_read(
    reader: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What is logged is on stderr where nothing takes it, as a test of the command shows."""
    run = damaged(tmp_path, lambda lines: b"".join(lines)[:-20])
    meta = Options(resolve("oracle"), (), ()).meta()
    about = meta.model_dump(mode="json", by_alias=True)
    monkeypatch.chdir(tmp_path)

    def read() -> list[str]:
        store._log.cache_clear()
        caplog.clear()
        main([word.format(run=run.path) for word in READERS[reader]])
        said = "".join(capfd.readouterr()).splitlines() + caplog.messages
        return [line for line in said if "run.json" in line or "is damaged" in line]

    run.write_meta(meta)
    (told,) = read()
    assert "results.jsonl is damaged: 1 line cannot be read" in told
    compares = reader in ("gate", "history", "history of a folder", "baseline")
    does = "Measure again what is lost" if compares else "the 3 results that can be are used"
    assert does in told
    for text, says in (
        (json.dumps({**about, "schema": 99}), "has schema 99"),
        (json.dumps(about)[:100], "run.json cannot be read: "),
        ("\0" * 100, "run.json cannot be read: "),
        ("[]", "run.json cannot be read: it is not a JSON object"),
    ):
        run.write("run.json", text)
        (told,) = read()
        assert says in told
    (run.path / "run.json").unlink()
    (told,) = read()
    assert "it has no run.json; " in told
    assert "is there, with 3 results" in told


@pytest.mark.process
@pytest.mark.parametrize("option", ["--resume", "--baseline"])
def test_an_option_that_names_a_run_of_another_version_is_refused(option: str, tmp_path: Path) -> None:
    run = damaged(tmp_path, lambda lines: b"".join(lines)[:-20])
    run.write("run.json", json.dumps({"schema": 99, "toolworthy": "9.0"}))
    done = suites(option, str(run.path), cwd=tmp_path)
    assert done.returncode == 4
    assert "has schema 99;" in done.stderr
    assert "Use the version that wrote it, 9.0." in done.stderr


def test_a_folder_that_is_no_run_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(ToolworthyError, match="is not a run directory"):
        RunDirectory.open(tmp_path)


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ToolworthyError, match="cannot write a run directory"):
        RunDirectory.create(tmp_path / "file", RunMeta())


def test_a_disk_that_refuses_is_one_line() -> None:
    full = RunDirectory(Path("/nonexistent"))
    with pytest.raises(ToolworthyError, match="Results so far are kept"):
        full.append(result("a"))


def test_lone_surrogates_of_a_model_do_not_stop_a_page(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path, RunMeta())
    assert run.write("page", "a\ud800b").read_text() == "a?b"


def test_runs_of_other_versions_are_read_and_go_on(tmp_path: Path) -> None:
    """An earlier one wrote fewer fields, a later one writes more, wherever they stand."""
    run = RunDirectory.create(tmp_path, RunMeta())
    price = {"input": 1, "output": 2, "per_hour": 3}
    told = {"schema": 1, "later": 1, "endpoint": {"model": "m", "region": "x"}, "options": {"prices": price}}
    run.write("run.json", json.dumps(told))
    meta = RunDirectory.open(run.path).meta
    assert (meta.endpoint.model, meta.agents, meta.options.tier, meta.preflight.apis) == ("m", {}, "full", [])
    assert meta.options.prices is not None
    assert meta.options.prices.output == 2
    run.update(planned={"wire": 3})
    assert run.meta == meta.model_copy(update={"planned": {"wire": 3}})


def test_a_text_that_no_file_can_hold_is_written_as_far_as_it_can_be(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path, RunMeta(command="\udcff", agents={"a\ud800": "\udfff"}))
    run.update(server={"model": ["\ud800"]})
    assert (run.meta.command, run.meta.agents, run.meta.server) == ("?", {"a?": "?"}, {"model": ["?"]})


@pytest.mark.parametrize("join", ["\n", "{torn", " "], ids=["lines", "torn between", "no ends"])
@pytest.mark.parametrize("tagged", [True, False], ids=["tagged", "as older runs wrote"])
def test_every_kind_of_line_is_told_by_its_tag_or_by_what_it_fits(tmp_path: Path, tagged: bool, join: str) -> None:
    made = [
        result("a"),
        CaseResult(key=CaseKey(case="c", toolset="codex"), category="x", status="right"),
        ProbeResult(key=ProbeKey(probe="p", api="chat"), title="", verdict="broken"),
        ReplayResult(key=ReplayKey(trial="t", exchange=0), status="compared"),
    ]
    told = [one.model_dump(mode="json") for one in made]
    assert [one["kind"] for one in told] == ["trial", "case", "probe", "replay"]
    old = [{name: value for name, value in one.items() if name != "kind" or value == "replay"} for one in told]
    run = RunDirectory.create(tmp_path, RunMeta())
    lines = [
        json.dumps(dict(reversed(one.items())) if tagged and join == "\n" else one) for one in (told if tagged else old)
    ]
    (run.path / "results.jsonl").write_text(join.join(lines) + "\n")
    assert [*run.results(), *run.cases(), *run.probes(), *run.replays()] == made


def test_a_run_with_the_former_names_of_its_fields_is_read(tmp_path: Path) -> None:
    key = '{"suite": "tools", "case": "c", "toolset": "codex", "repeat": 1}'
    meta = {"schema": SCHEMA, "toolsets": ["codex"], "words": {"codex": "1"}, "options": {"wear": "codex"}}
    (tmp_path / "run.json").write_text(json.dumps(meta))
    (tmp_path / "results.jsonl").write_text(f'{{"kind": "case", "key": {key}, "category": "x", "status": "right"}}\n')
    run = RunDirectory.open(tmp_path)
    assert (run.meta.toolsets, run.meta.toolset_hashes) == (["codex"], {"codex": "1"})
    assert run.meta.options.toolset == "codex"
    assert [str(result.key) for result in run.cases()] == ["tools/c/codex#1"]


def test_the_name_of_a_key_says_to_what_it_belongs() -> None:
    keys: list[TrialKey | CaseKey | ProbeKey] = [
        TrialKey(suite="tasks", task="a/b", agent="qwen-code", repeat=12),
        CaseKey(case="live_simple_1-2", toolset="k2vv-reference"),
        ProbeKey(probe="one-call", api="chat", stream=False),
    ]
    assert [Named.of(str(key)) for key in keys] == [Named(key.suite, key.item, key.asker) for key in keys]
    assert Named.of("proxy") == Named("proxy", "", "")


def test_every_kind_of_line_says_in_the_same_words_how_it_went() -> None:
    key = CaseKey(case="c", toolset="codex")
    every: list[Result] = [
        result("a"),
        result("a", "refused"),
        CaseResult(key=key, category="x", status="lenient"),
        CaseResult(key=key, category="x", status="unmeasured", limit="time"),
        ProbeResult(key=ProbeKey(probe="p", api="chat", stream=True), title="", verdict="broken"),
        ReplayResult(key=ReplayKey(trial="t", exchange=0), status="unmeasured"),
    ]
    assert [(one.key.suite, one.key.item, one.key.asker) for one in every] == [
        *[("tasks", "a", "a")] * 2,
        *[("tools", "c", "codex")] * 2,
        ("wire", "p", "chat-stream"),
        ("replay", "t, exchange 0", "target"),
    ]
    assert [(one.judged, one.ok, one.uncounted, one.status_word) for one in every] == [
        (True, True, "", "passed"),
        (False, False, "refused", "refused"),
        (True, True, "", "lenient"),
        (False, False, "time limit", "unmeasured"),
        (True, False, "", "broken"),
        (False, False, "unmeasured", "unmeasured"),
    ]


def test_what_is_worked_out_of_a_run_is_worked_out_once_until_its_files_change(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path, RunMeta())
    asked: list[int] = []

    def many(of: RunDirectory) -> int:
        asked.append(len(of.measured()))
        return asked[-1]

    assert [run.derived(many), run.derived(many)] == [0, 0]
    run.append(TrialResult(key=TrialKey(suite="tasks", task="t", agent="a"), status="passed"))
    assert [run.derived(many), run.derived(many)] == [1, 1]
    run.update(toolworthy="1")
    assert run.derived(many) == 1
    assert asked == [0, 1, 1]
