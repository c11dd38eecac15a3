"""Files of exchanges judged again, and two runs compared."""

from __future__ import annotations

from pathlib import Path

import pytest

import toolworthy

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[toolworthy.Run, toolworthy.Run]:
    """A sound endpoint's run, and one of an endpoint whose calls have no id."""
    out = tmp_path_factory.mktemp("runs")
    sound = toolworthy.run("oracle", suites="tools", cases=["lines-of-a-function"], out=out)
    return sound, toolworthy.run("oracle:call-id-null", suites="tools", cases=["lines-of-a-function"], out=out)


def test_a_run_is_judged_as_it_was(two: tuple[toolworthy.Run, toolworthy.Run]) -> None:
    sound, spoilt = two
    assert toolworthy.check(sound.path) == ()
    again = toolworthy.check(spoilt.path)
    assert "TW101" in {finding.code for finding in again}
    assert sorted(map(repr, again)) == sorted(map(repr, spoilt.findings))
    recorded = [one for result in spoilt.cases for one in spoilt.exchanges(result)]
    assert sorted(map(repr, toolworthy.check(recorded))) == sorted(map(repr, again))
    file = spoilt.path / spoilt.cases[0].exchanges
    assert {finding.code for finding in toolworthy.check(str(file))} >= {"TW101"}


def test_the_gate_compares_runs_and_paths(two: tuple[toolworthy.Run, toolworthy.Run], tmp_path: Path) -> None:
    sound, spoilt = two
    answer = toolworthy.gate(sound, spoilt)
    assert answer.answer == "inconclusive"  # six attempts are too few for anything else
    assert {one.answer for one in answer.criteria} >= {"inconclusive"}
    assert toolworthy.gate(str(sound.path), spoilt.path) == answer
    assert (spoilt.path / "gate.json").is_file()
    policy = tmp_path / "policy.toml"
    policy.write_text("nonsense = 1\n")
    with pytest.raises(toolworthy.ToolworthyError, match="nonsense"):
        toolworthy.gate(sound, spoilt, policy=policy)


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(toolworthy.ToolworthyError, match="is not a run directory"):
        toolworthy.check(tmp_path)
    with pytest.raises(toolworthy.ToolworthyError, match="cannot be read: No such file"):
        toolworthy.check(tmp_path / "none.jsonl.zst")
    with pytest.raises(toolworthy.ToolworthyError):
        toolworthy.gate(tmp_path, tmp_path)
