"""What is read from outside, whatever it holds, ends in a value or in one line: no other error."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.files import refused_in_a_line
from tests.support.examples import recorded
from toolworthy import content
from toolworthy.content.adapters import AgentAdapter, load
from toolworthy.content.providers import ProviderAdapter
from toolworthy.content.tasks import load_task
from toolworthy.records.exchange import Chunk
from toolworthy.records.exchanges import read_all
from toolworthy.records.store import RunDirectory
from toolworthy.rules import check
from toolworthy.wire import api, parse_body, parse_request_bytes
from toolworthy.wire.ir import APIS, Api
from toolworthy.wire.sse import SseParser

pytestmark = pytest.mark.slow

any_input = settings(
    max_examples=150, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
_USED = json.loads((Path(__file__).parent / "wire" / "names.json").read_text())
_NAMES: list[str] = _USED["names"]
_WORDS: list[str] = _USED["words"]
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(_WORDS) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=6),
    max_leaves=25,
)
_objects = st.dictionaries(st.sampled_from(_NAMES), _values, max_size=8)


def _bytes(value: Any) -> bytes:
    return json.dumps(value).encode()


_events = st.lists(
    st.builds(lambda name, value: b"event: %s\ndata: %s\n\n" % (name.encode("utf-8", "replace"), _bytes(value)),
              st.sampled_from(_WORDS), _objects)
    | st.binary(max_size=30),
    max_size=8,
).map(b"".join)  # fmt: skip


@pytest.mark.parametrize("name", APIS)
@any_input
@given(
    body=_objects.map(_bytes) | _values.map(_bytes) | _events | st.binary(max_size=200), status=st.integers(200, 599)
)
def test_answers_and_requests_of_any_shape_are_read(name: Api, body: bytes, status: int) -> None:
    for streamed in (False, True):
        response = parse_body(name, status, body, streamed=streamed)
        request = parse_request_bytes(name, _bytes({"model": "m", "messages": [], "input": []}))
        assert request is not None
        json.dumps(api(name).render_response(response, request))
    parse_request_bytes(name, body)
    asked = b'{"model": "m", "messages": [], "input": [], "stream": true}'
    answered = (Chunk(0.1, body[: len(body) // 2]), Chunk(0.2, body[len(body) // 2 :]))
    check([recorded(agent_api=name, endpoint_api=name, request_body=asked, chunks=answered, status=status)])


@any_input
@given(body=_events, cuts=st.lists(st.integers(0, 400), max_size=5))
def test_a_stream_is_the_same_however_it_is_cut(body: bytes, cuts: list[int]) -> None:
    whole, cut = SseParser(), SseParser()
    once = [*whole.feed(body), *whole.close()]
    ends = [0, *sorted(cuts), len(body)]
    pieces = [body[begin:end] for begin, end in itertools.pairwise(ends)]
    assert [event for piece in pieces for event in cut.feed(piece)] + cut.close() == once


def _written(value: Any) -> str:
    """A value as TOML has it; nothing for what it cannot have."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)} = {_written(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_written, value)) + "]"
    return json.dumps(value)


def _mixed(path: Path) -> st.SearchStrategy[bytes]:
    """A file of ours with some lines taken out or replaced by others, or anything."""
    lines = path.read_text().splitlines()
    named = st.builds(
        lambda name, value: f"{name} = {_written(value)}", st.sampled_from([*_NAMES, "run", "tools"]), _values
    )
    changed = st.dictionaries(st.integers(0, len(lines) - 1), named | st.just(""), min_size=1, max_size=3)
    mixed = changed.map(lambda at: "\n".join(at.get(number, line) for number, line in enumerate(lines)))
    return mixed.map(lambda text: text.encode("utf-8", "replace")) | st.binary(max_size=100)


def _loads(folder: Path, name: str, data: bytes, read: Any) -> None:
    (folder / name).write_bytes(data)
    refused_in_a_line(read)


@any_input
@given(data=_mixed(content.ADAPTERS / "agents" / "codex.toml"))
def test_any_agent_adapter_is_read_or_refused_in_a_line(tmp_path: Path, data: bytes) -> None:
    _loads(tmp_path, "a.toml", data, lambda: load(AgentAdapter, tmp_path / "a.toml"))


@any_input
@given(data=_mixed(content.ADAPTERS / "providers" / "deepseek.toml"))
def test_any_provider_adapter_is_read_or_refused_in_a_line(tmp_path: Path, data: bytes) -> None:
    _loads(tmp_path, "a.toml", data, lambda: load(ProviderAdapter, tmp_path / "a.toml"))


@any_input
@given(data=_mixed(content.FIXTURES / "tasks" / "fix-failing-test" / "task.toml"))
def test_any_task_is_read_or_refused_in_a_line(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "instruction.md").write_text("Do it.")
    _loads(tmp_path, "task.toml", data, lambda: load_task(tmp_path))


@any_input
@given(
    about=_values.map(_bytes) | st.binary(max_size=50), results=st.lists(_objects.map(_bytes) | st.binary(max_size=50))
)
def test_any_run_directory_is_read_or_refused_in_a_line(tmp_path: Path, about: bytes, results: list[bytes]) -> None:
    (tmp_path / "results.jsonl").write_bytes(b"\n".join(results))

    def read() -> None:
        run = RunDirectory.open(tmp_path)
        assert (*run.results(), *run.cases(), *run.probes(), *run.replays()) is not None

    _loads(tmp_path, "run.json", about, read)
    _loads(tmp_path, "run.json", b'{"schema": 1}', read)
    (tmp_path / "x.jsonl.zst").write_bytes(b"".join(results))
    assert read_all(tmp_path / "x.jsonl.zst") == ()
