"""What a candidate must hold: a TOML file, or the default."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from toolworthy.errors import UserError
from toolworthy.gate.paired import About
from toolworthy.gate.sample import COSTS, METRICS

DEFAULT = """\
# The default policy. Margins are in the metric's own unit: 0.10 is ten points of a hundred.
confidence = 0.95           # of every claim: a pass that is none, and a false alarm, once in twenty runs at most
about = "these"             # the items that were run; "like-these": all items like them, which takes many more
unmeasured = 0.05           # more of the baseline's items than this without a value beside them: inconclusive
agent_versions = "same"     # "any" compares other versions of an agent too, and says so
agents = ["*"]              # agents of the baseline that count
no_new_blocks_for = ["*"]   # agents that may not meet a blocking finding on the wire that the baseline lacks

[metrics."tasks.pass"]      # the share of tasks that are done
margin = 0.10               # a drop of less than this is allowed

[metrics."tools.lenient"]   # the share of tool-call cases that are right
margin = 0.05

[metrics."tasks.tokens"]
at_most = 1.5               # the bill, times the baseline's
tail_at_most = 10           # nine attempts in ten, times what the baseline's cost at the same item on average

[metrics."tasks.usd"]
at_most = 1.5
tail_at_most = 10

[metrics."tasks.seconds"]
at_most = 2.0
tail_at_most = 10
"""

_MOST = 1000
"""Times the baseline's cost, beyond which a limit asks for nothing."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Criterion(_Strict):
    """What is asked of one metric."""

    margin: float | None = Field(None, gt=0, lt=1)
    """Largest drop against the baseline that is allowed."""
    floor: float | None = Field(None, gt=0, lt=1)
    """What it must reach whatever the baseline did."""
    at_most: float | None = Field(None, gt=1, le=_MOST, allow_inf_nan=False)
    """Largest bill that is allowed, times the baseline's."""
    tail_at_most: float | None = Field(None, gt=1, le=_MOST, allow_inf_nan=False)
    """What nine attempts in ten may cost, times what the baseline's cost at the same item on average."""
    each_agent: bool = False
    """Asked of every agent by itself, not of all together."""

    @property
    def parts(self) -> int:
        """How many things are asked."""
        return sum(asked is not None for asked in (self.margin, self.floor, self.at_most, self.tail_at_most))

    @model_validator(mode="after")
    def _some(self) -> Criterion:
        if not self.parts:
            raise ValueError("asks for nothing: give margin, floor, at_most or tail_at_most")
        return self


class Policy(_Strict):
    """A gate's policy."""

    confidence: float = Field(0.95, gt=0.5, lt=1)
    about: About = "these"
    unmeasured: float = Field(0.05, ge=0, le=1)
    agent_versions: Literal["same", "any"] = "same"
    agents: tuple[str, ...] = ("*",)
    """Agents of the baseline that count."""
    no_new_blocks_for: tuple[str, ...] = ("*",)
    metrics: dict[str, Criterion] = Field(default_factory=dict)
    source: str = "the default policy"
    required: bool = False
    """Whether a metric that was not measured leaves the gate undecided; the default policy takes what there is."""

    def counts(self, agent: str) -> bool:
        """Whether an agent is one of those that count."""
        return "*" in self.agents or agent in self.agents

    @property
    def alpha(self) -> float:
        """How often a claim may be wrong."""
        return 1 - self.confidence


def load_policy(path: Path | None) -> Policy:
    """The policy of a file, or the default.

    Raises:
        UserError: no such file, no TOML, an unknown metric or key; one line, with what was probably meant.
    """
    if path is None:
        return Policy.model_validate(tomllib.loads(DEFAULT))
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UserError(f"{path}: {error}") from error
    metrics = data.get("metrics")
    for name, asked in metrics.items() if isinstance(metrics, dict) else ():
        _known(name, asked, path)
    try:
        policy = Policy.model_validate({**data, "source": str(path), "required": True})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{path}: {where}: {_said(first)}") from error
    for name, criterion in policy.metrics.items():
        cost = name.partition(".")[2] in COSTS
        if criterion.margin or criterion.floor if cost else criterion.at_most or criterion.tail_at_most:
            wanted = "a cost: give at_most or tail_at_most" if cost else "a share: give margin or floor"
            raise UserError(f"{path}: {name} is {wanted}")
    return policy


def _known(name: str, asked: Any, path: Path) -> None:
    if name in METRICS:
        return
    inner = [f"{name}.{key}" for key in asked] if isinstance(asked, dict) else []
    if quoted := [metric for metric in inner if metric in METRICS]:
        raise UserError(f'{path}: a metric\'s name has a dot and wants quotes: [metrics."{quoted[0]}"]')
    raise UserError(f"{path}: no metric is called {name!r}{_meant(name, METRICS)}")


def _said(error: ErrorDetails) -> str:
    """What is wrong, with the key that was probably meant."""
    if error["type"] != "extra_forbidden":
        return error["msg"].removeprefix("Value error, ")
    keys = Criterion.model_fields if error["loc"][0] == "metrics" else [*Policy.model_fields][:-2]
    return "no such key" + _meant(str(error["loc"][-1]), list(keys))


def _meant(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, 1, 0.4)
    return f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(known)}"
