"""What the reference server plays when it is the endpoint under test; no server is started here."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from toolworthy.base.errors import ToolworthyError
from toolworthy.content import adapters
from toolworthy.content.tasks import known_tasks
from toolworthy.endpoint.target import Endpoint, resolve
from toolworthy.work.cases.player import CasePlayer
from toolworthy.work.kinds import KINDS
from toolworthy.work.run import embedded
from toolworthy.work.run.plan import Options, choose_agents, choose_cases, choose_tasks

DEFECT = "args-truncated-at-delimiter-in-value"
URLS = {"chat": "http://127.0.0.1:1/v1"}


class Served:
    """In place of the reference server: notes what it would serve, and until when."""

    made: list[Served]

    def __init__(self, tasks: Any, toolsets: Any, *, port: int = 0, defects: Any = (), plays: Any = ()) -> None:
        self.tasks, self.toolsets, self.port = [task.name for task in tasks], [one.id for one in toolsets], port
        self.defects, self.plays = [one.id for one in defects], plays
        self.open = False
        self.made.append(self)

    async def __aenter__(self) -> SimpleNamespace:
        self.open = True
        return SimpleNamespace(base_urls=URLS)

    async def __aexit__(self, *_: object) -> None:
        self.open = False


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Served]:
    monkeypatch.setattr(embedded, "Oracle", Served)
    monkeypatch.setattr(Served, "made", [], raising=False)
    return Served.made


def reached(name: str, options: Options | None = None) -> Endpoint:
    endpoint = resolve(name, model=None if name.startswith("oracle") else "m", environ={})

    async def run() -> Endpoint:
        async with contextlib.AsyncExitStack() as stack:
            at = await embedded.reached(endpoint, stack, options)
            assert all(one.open for one in Served.made[-1:])
        return at

    return asyncio.run(run())


def test_another_endpoint_is_taken_as_it_is(served: list[Served]) -> None:
    assert reached("http://127.0.0.1:9/v1") == resolve("http://127.0.0.1:9/v1", model="m", environ={})
    assert served == []


def test_the_oracle_plays_what_is_planned_until_the_run_ends(served: list[Served]) -> None:
    """The toolsets of the plan's agents come first: they may be the user's own, with the id of a built-in one."""
    plan = Options(resolve("oracle"), choose_agents(["pi", "codex"], []), choose_tasks(["rename-api"], []))
    plan = replace(plan, cases=choose_cases(["lines-of-a-function"], []))
    at = reached(f"oracle:{DEFECT}", plan)
    (one,) = served
    assert (at.name, at.base_urls, one.open) == (f"oracle:{DEFECT}", URLS, False)
    assert (one.tasks, one.defects) == (["rename-api"], [DEFECT])
    others = [agent.id for agent in adapters.agents() if agent.id not in ("pi", "codex")]
    assert one.toolsets == ["pi", "codex", *others]
    assert [type(play) for play in one.plays] == [type(play) for kind in KINDS.values() for play in kind.plays(plan)]
    assert any(isinstance(play, CasePlayer) for play in one.plays)


def test_the_oracle_plays_the_built_in_tasks_where_none_are_planned(served: list[Served]) -> None:
    every, ours = [task.name for task in known_tasks()], [agent.id for agent in adapters.agents()]
    reached("oracle", Options(resolve("oracle"), (), ()))
    reached(f"oracle:{DEFECT}")
    embedded.standing([], port=7)
    assert [(one.tasks, one.toolsets) for one in served] == [(every, ours)] * 3
    assert [(one.port, one.defects) for one in served] == [(0, []), (0, [DEFECT]), (7, [])]
    for one in served[1:]:
        assert [type(play) for play in one.plays] == [CasePlayer]


def test_an_unknown_defect_is_refused(served: list[Served]) -> None:
    endpoint = replace(resolve("oracle"), name="oracle:none-such")
    with pytest.raises(ToolworthyError, match="none-such"):
        asyncio.run(embedded.reached(endpoint, contextlib.AsyncExitStack()))
    assert served == []
