"""A policy is read, or refused in one line that says what was meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolworthy.base.errors import ToolworthyError
from toolworthy.content import PACKAGE
from toolworthy.judgement.gate.policy import DEFAULT, load_policy
from toolworthy.judgement.metrics import metrics


def test_the_default_policy_is_a_policy_file(tmp_path: Path) -> None:
    path = tmp_path / "gate.toml"
    path.write_text(DEFAULT.read_text())
    read, default = load_policy(path), load_policy(None)
    assert read.metrics == default.metrics
    assert read.required
    assert not default.required
    assert default.alpha == pytest.approx(0.05)
    assert read.about == default.about == "these"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("=", "Invalid"),
        ('[metrics."tasks.pas"]\nmargin = 0.1', "no metric is called 'tasks.pas'; did you mean 'tasks.pass'?"),
        ('[metrics."tools.lenent"]\nmargin = 0.1', "did you mean 'tools.lenient'?"),
        ('[metrics."zzz"]\nmargin = 0.1', "Use one of tasks.pass, "),
        ("[metrics.tasks.pass]\nmargin = 0.1", 'needs quotes: [metrics."tasks.pass"]'),
        ('[metrics."tasks.pass"]\nmargn = 0.1', "unknown key 'margn'; did you mean 'margin'?"),
        ("confidense = 0.9", "unknown key 'confidense'; did you mean 'confidence'?"),
        ('[metrics."tasks.pass"]\nmargin = 10', "less than 1"),
        ('[metrics."tasks.pass"]\nfloor = 1.0', "less than 1"),
        ('[metrics."tasks.pass"]', "has no criterion"),
        ('[metrics."tasks.pass"]\nat_most = 2', "is a share. Give margin or floor."),
        ('[metrics."tasks.usd"]\nmargin = 0.1', "is a cost. Give at_most or tail_at_most."),
        ('[metrics."tasks.usd"]\nfloor = 0.1', "is a cost. Give at_most or tail_at_most."),
        ('[metrics."tasks.usd"]\nat_most = 2\nfloor = 0.1', "is a cost. Give at_most or tail_at_most."),
        ('[metrics."tasks.pass"]\ntail_at_most = 2', "is a share. Give margin or floor."),
        ('[metrics."tasks.usd"]\nat_most = inf', "finite"),
        ('[metrics."tasks.usd"]\nat_most = nan', "tasks.usd.at_most"),
        ('[metrics."tasks.usd"]\ntail_at_most = inf', "finite"),
        ('[metrics."tasks.usd"]\nat_most = 1e308', "tasks.usd.at_most: input should be less than or equal to 1000"),
        ('[metrics."tasks.usd"]\ntail_at_most = 1001', "less than or equal to 1000"),
        ("confidence = nan", "confidence"),
        ("unmeasured = nan", "unmeasured"),
        ("confidence = 95", "less than 1"),
        ('[metrics."tasks.usd"]\nat_most = inf', "at_most: input should be a finite number"),
        ('[metrics."tasks.pass"]\nmargin = nan', "margin: input should be a finite number"),
        ("unmeasured = nan", "unmeasured: input should be a finite number"),
        ('agent_versions = "some"', "agent_versions"),
        ('agents = "codex"', "agents"),
        ("metrics = 3", "metrics"),
        ('about = "those"', "about"),
    ],
)
def test_a_broken_policy_is_one_line(tmp_path: Path, content: str, told: str) -> None:
    path = tmp_path / "gate.toml"
    path.write_text(content)
    with pytest.raises(ToolworthyError) as error:
        load_policy(path)
    said = str(error.value)
    assert told in said
    assert said.startswith(str(path))
    assert "\n" not in said


@pytest.mark.parametrize(
    ("content", "read"),
    [
        ("confidence = 0.5", False),
        ("confidence = 0.51", True),
        ("unmeasured = -0.01", False),
        ("unmeasured = 0", True),
        ("unmeasured = 1", True),
        ("unmeasured = 1.01", False),
        ('[metrics."tasks.pass"]\nmargin = 0', False),
        ('[metrics."tasks.pass"]\nmargin = 0.001', True),
        ('[metrics."tasks.pass"]\nmargin = 1', False),
        ('[metrics."tasks.pass"]\nfloor = 0', False),
        ('[metrics."tasks.pass"]\nfloor = 0.001', True),
        ('[metrics."tasks.usd"]\nat_most = 1', False),
        ('[metrics."tasks.usd"]\nat_most = 1.001', True),
        ('[metrics."tasks.usd"]\nat_most = 1000', True),
        ('[metrics."tasks.usd"]\nat_most = 1000.1', False),
        ('[metrics."tasks.usd"]\ntail_at_most = 1', False),
        ('[metrics."tasks.usd"]\ntail_at_most = 1.001', True),
        ('[metrics."tasks.usd"]\ntail_at_most = 1000', True),
    ],
)
def test_a_policy_asks_only_for_what_can_be_shown(tmp_path: Path, content: str, read: bool) -> None:
    path = tmp_path / "gate.toml"
    path.write_text(content)
    if read:
        policy = load_policy(path)
        assert (policy.source, policy.required) == (str(path), True)
    else:
        with pytest.raises(ToolworthyError, match="input should be"):
            load_policy(path)


def test_an_empty_policy_asks_for_no_new_blocks(tmp_path: Path) -> None:
    path = tmp_path / "gate.toml"
    path.write_text("")
    policy = load_policy(path)
    assert (policy.confidence, policy.about, policy.unmeasured, policy.agent_versions) == (0.95, "these", 0.05, "same")
    assert (policy.agents, policy.no_new_blocks_for, policy.metrics) == (("*",), ("*",), {})
    assert load_policy(None).source == "the default policy"


def test_only_the_agents_that_a_policy_names_count(tmp_path: Path) -> None:
    path = tmp_path / "gate.toml"
    path.write_text('agents = ["codex"]')
    assert [load_policy(path).counts(agent) for agent in ("codex", "aider", "*")] == [True, False, False]
    assert load_policy(None).counts("aider")


def test_a_requirement_has_as_many_parts_as_it_has_limits(tmp_path: Path) -> None:
    path = tmp_path / "gate.toml"
    path.write_text(
        '[metrics."tasks.pass"]\nmargin = 0.1\nfloor = 0.5\neach_agent = true\n'
        '[metrics."tasks.usd"]\nat_most = 2\ntail_at_most = 3\n[metrics."tools.lenient"]\nfloor = 0.5\n'
    )
    metrics = load_policy(path).metrics
    assert {name: (one.parts, one.each_agent) for name, one in metrics.items()} == {
        "tasks.pass": (2, True),
        "tasks.usd": (2, False),
        "tools.lenient": (1, False),
    }


def test_no_policy_file(tmp_path: Path) -> None:
    with pytest.raises(ToolworthyError, match="No such file"):
        load_policy(tmp_path / "none.toml")


def test_the_page_lists_every_metric() -> None:
    page = (PACKAGE.parents[1] / "docs" / "gate.md").read_text(encoding="utf-8")
    rows = [f"| `{one.key}` | {one.kind} | {one.unit} | {one.meaning} |" for one in metrics().values()]
    assert [line for line in page.splitlines() if line.startswith(("| `tasks.", "| `tools.", "| `wire."))] == rows
