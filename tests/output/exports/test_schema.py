"""The published schema fits what is really written, and nothing else."""

from __future__ import annotations

import asyncio
import copy
import json
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from tests.support.commands import run
from tests.support.upstream import reply, serve
from toolworthy.endpoint.target import resolve
from toolworthy.output.exports import schema
from toolworthy.records.exchanges import _records
from toolworthy.records.meta import SCHEMA
from toolworthy.records.store import GATE, RunDirectory

pytestmark = pytest.mark.process

PUBLISHED = Path(__file__).parents[3] / "docs" / "schema" / "run-directory.schema.json"
DOCUMENT = schema.document()


def part(name: str) -> Any:
    """A validator of one part of the schema."""
    return jsonschema_rs.validator_for({**DOCUMENT["$defs"][name], "$defs": DOCUMENT["$defs"]})


WHOLE = jsonschema_rs.validator_for(DOCUMENT)
LINE = part("Line")


def directory(path: Path) -> dict[str, Any]:
    """A run directory as the schema sees it."""
    held: dict[str, Any] = {"run.json": json.loads((path / "run.json").read_text())}
    if (path / "results.jsonl").exists():
        held["results.jsonl"] = [json.loads(line) for line in (path / "results.jsonl").read_text().splitlines()]
    if (path / GATE).exists():
        held[GATE] = json.loads((path / GATE).read_text())
    for file in sorted((path / "exchanges").iterdir()):
        held[f"exchanges/{file.name}"] = list(_records(file.read_bytes()))
    return held


def errors(value: Any, validator: Any = WHOLE) -> list[str]:
    return [f"{error.instance_path}: {error.message[:200]}" for error in validator.iter_errors(value)]


def toolworthy(cwd: Path, *arguments: str) -> Path:
    """Run a command that makes a run directory under `cwd`; where that is."""
    done = run("toolworthy", *arguments, cwd=cwd)
    assert done.returncode in (0, 1, 2), done.stdout + done.stderr
    (path,) = (entry.parent for entry in cwd.glob("reports/*/run.json"))
    return path


CHOSEN = ("--task", "fix-failing-test", "--case", "read-one-file", "--agent", "builtin", "--endpoint")
FEW = ("-k", "fix-failing-test or read-one-file or one_call or usage or refuses")


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of all three suites, with a defect and a budget."""
    argv = ("run", *CHOSEN, "oracle:usage-all-zero", *FEW, "--budget-usd", "5", "--price", "1,2")
    return toolworthy(tmp_path_factory.mktemp("measured"), *argv)


@pytest.fixture(scope="module")
def replayed(measured: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    argv = ("replay", str(measured), "--endpoint", "oracle", "--reference", "oracle", "--limit", "4")
    return toolworthy(tmp_path_factory.mktemp("replayed"), *argv)


def test_a_run_of_every_suite_fits(measured: Path) -> None:
    held = directory(measured)
    assert not errors(held)
    kinds = {key for line in held["results.jsonl"] for key in ("task", "probe", "case") if key in line["key"]}
    assert kinds == {"task", "probe", "case"}
    assert any(line.get("findings") for line in held["results.jsonl"])
    assert held["run.json"]["fingerprints"]
    assert held["run.json"]["options"]["prices"]
    records = [record for name, found in held.items() if name.startswith("exchanges/") for record in found]
    assert any(isinstance(piece, list) for record in records for piece in record["request_body"])


def test_a_replay_fits(replayed: Path) -> None:
    held = directory(replayed)
    assert not errors(held)
    assert {line["key"]["side"] for line in held["results.jsonl"]} == {"target", "reference"}
    assert all(line["adapted"] and line["new"] for line in held["results.jsonl"])


def test_the_gates_answer_fits(measured: Path, tmp_path: Path) -> None:
    done = run("toolworthy", "gate", str(measured), str(measured), cwd=tmp_path)
    assert done.returncode in (0, 2), done.stderr
    held = directory(measured)
    assert not errors(held)
    assert held[GATE]["criteria"]
    argv = ("--until-decided", "--trials", "2", "--baseline", str(measured))
    looked = directory(toolworthy(tmp_path, "run", "tools", "--case", "read-one-file", "--agent", "builtin", *argv))
    assert not errors(looked)
    assert looked[GATE]["looks"]["most"] == 2


def test_a_file_of_the_fields_fits(tmp_path: Path) -> None:
    """With a reference, a broken answer and what verifiers note."""
    body = {"messages": [{"role": "user", "content": "hello"}], "tools": []}
    asked = [{"data_index": n, "request": body} for n in (1, 2)]
    (tmp_path / "samples.jsonl").write_text("".join(json.dumps(one) + "\n" for one in asked))
    argv = ("run", "tools", "--cases", f"k2vv:{tmp_path}/samples.jsonl", "--reference", "oracle")
    held = directory(toolworthy(tmp_path, *argv))
    assert not errors(held)
    assert {line["key"]["toolset"] for line in held["results.jsonl"]} == {"k2vv", "k2vv-reference"}
    assert held["run.json"]["options"]["reference"]["name"] == "oracle"


def test_a_run_that_was_killed_fits(tmp_path: Path) -> None:
    """Killed before its first result: there is no results.jsonl."""
    from toolworthy.work.run.plan import Options

    about = Options(resolve("oracle"), (), ()).meta()
    assert not errors(directory(RunDirectory.create(tmp_path, about).path))


def test_what_the_proxy_records_fits(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 included."""
    import httpx

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    async def answer(request: dict[str, Any], send: Any) -> None:
        await reply(send, 200, b"\xff\xfe no text")

    async def go() -> None:
        async with serve(answer) as upstream:
            argv = ["proxy", "--endpoint", f"{upstream.url}/v1", "--model", "m", "--port", str(port), "--open"]
            proxy = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "toolworthy", *argv, cwd=tmp_path, stdout=-1
            )
            assert proxy.stdout is not None
            await proxy.stdout.readline()
            async with httpx.AsyncClient(trust_env=False) as client:
                await client.post(f"http://127.0.0.1:{port}/v1/chat/completions", content=b'{"messages": [\xff]}')
            proxy.send_signal(signal.SIGINT)
            assert await proxy.wait() == 0

    asyncio.run(go())
    (record,) = (tmp_path / "reports").glob("proxy-*.jsonl.zst")
    records = list(_records(record.read_bytes()))
    assert [errors(one, part("ExchangeRecord")) for one in records] == [[]]
    assert records[0]["request_body"][0].startswith("\0")
    (beside,) = (tmp_path / "reports").glob("proxy-*.json")
    assert not errors(json.loads(beside.read_text()), part("ProxyRecord"))


def wrongs(held: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The run, each time with one thing wrong."""
    changes: dict[str, Callable[[Any], Any]] = {
        "no endpoint": lambda run: run["run.json"].pop("endpoint"),
        "another version": lambda run: run["run.json"].update(schema=SCHEMA + 1),
        "a key in the endpoint": lambda run: run["run.json"]["endpoint"].update(key="sk-1"),
        "an unknown option": lambda run: run["run.json"]["options"].update(x=1),
        "a status that is none": lambda run: run["results.jsonl"][0].update(status="fine", verdict="fine"),
        "a result without a key": lambda run: run["results.jsonl"][0].pop("key"),
        "a line that is none": lambda run: run["results.jsonl"].append({"kind": "other"}),
        "a chunk without its time": lambda run: records_of(run)[0].update(chunks=[["text"]]),
        "a piece of two": lambda run: records_of(run)[0].update(request_body=[["a", "b"]]),
    }
    for name, change in changes.items():
        wrong = copy.deepcopy(held)
        change(wrong)
        yield name, wrong


def records_of(held: dict[str, Any]) -> list[dict[str, Any]]:
    return next(found for name, found in held.items() if name.startswith("exchanges/"))


def test_what_is_wrong_does_not_fit(measured: Path) -> None:
    held = directory(measured)
    assert not [name for name, wrong in wrongs(held) if not errors(wrong)]


def test_every_kind_of_line_is_one_only(measured: Path, replayed: Path) -> None:
    lines = [*directory(measured)["results.jsonl"], *directory(replayed)["results.jsonl"]]
    models = [model.__name__ for model in schema.LINES]
    fits = {tuple(name for name in models if part(name).is_valid(line)) for line in lines}
    assert fits == {(name,) for name in models}


def test_the_version_is_the_run_directorys() -> None:
    assert DOCUMENT["$defs"]["RunMeta"]["properties"]["schema"]["const"] == SCHEMA
    assert DOCUMENT["$id"].endswith(f":{SCHEMA}")


def test_it_is_a_schema_and_says_what_fields_mean() -> None:
    jsonschema_rs.meta.validate(DOCUMENT)
    fields = DOCUMENT["$defs"]["TrialResult"]["properties"]
    assert fields["started"]["description"] == "Unix time, seconds."
    assert "title" not in fields["started"]


def test_the_published_file_is_up_to_date() -> None:
    """`toolworthy export --schema docs/schema/run-directory.schema.json` writes it anew."""
    assert PUBLISHED.read_text(encoding="utf-8") == schema.text()
