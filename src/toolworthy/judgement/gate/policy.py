"""Policies: the criteria for a candidate, from a TOML file, or the default."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from toolworthy.base.loading import Strict, load_toml
from toolworthy.base.nearest import did_you_mean
from toolworthy.judgement.metrics import metrics
from toolworthy.records.gate import About

DEFAULT = Path(__file__).with_name("policy.toml")
"""The default policy."""

_MOST = 1000
"""The largest limit, as a multiple of the baseline's cost."""


class Requirement(Strict, allow_inf_nan=False):
    """The criteria on one metric."""

    margin: float | None = Field(None, gt=0, lt=1)
    """The largest allowed drop from the baseline."""
    floor: float | None = Field(None, gt=0, lt=1)
    """The value that it must reach, whatever the baseline's."""
    at_most: float | None = Field(None, gt=1, le=_MOST, allow_inf_nan=False)
    """The largest allowed total cost, as a multiple of the baseline's."""
    tail_at_most: float | None = Field(None, gt=1, le=_MOST, allow_inf_nan=False)
    """The largest allowed cost of nine attempts in ten, as a multiple of the baseline's average at the same item."""
    each_agent: bool = False
    """Whether each agent must meet it, instead of all together."""

    @property
    def parts(self) -> int:
        """The number of criteria."""
        return sum(limit is not None for limit in (self.margin, self.floor, self.at_most, self.tail_at_most))

    @model_validator(mode="after")
    def _some(self) -> Requirement:
        if not self.parts:
            raise ValueError("has no criterion. Give margin, floor, at_most or tail_at_most.")
        return self


class Policy(Strict, allow_inf_nan=False):
    """A gate's policy."""

    confidence: float = Field(0.95, gt=0.5, lt=1)
    about: About = "these"
    unmeasured: float = Field(0.05, ge=0, le=1)
    agent_versions: Literal["same", "any"] = "same"
    agents: tuple[str, ...] = ("*",)
    """The agents that count; empty: all."""
    no_new_blocks_for: tuple[str, ...] = ("*",)
    metrics: dict[str, Requirement] = Field(default_factory=dict)
    source: str = Field("the default policy", exclude=True)
    required: bool = Field(False, exclude=True)
    """Whether a metric without data makes the gate inconclusive; not so in the default policy."""

    @field_validator("metrics", mode="before")
    @classmethod
    def _known(cls, criteria: Any) -> Any:
        for name, criterion in criteria.items() if isinstance(criteria, dict) else ():
            if name not in metrics():
                inner = [f"{name}.{key}" for key in criterion] if isinstance(criterion, dict) else []
                if quoted := [metric for metric in inner if metric in metrics()]:
                    raise ValueError(f'a metric\'s name contains a dot and needs quotes: [metrics."{quoted[0]}"]')
                raise ValueError(f"no metric is called {name!r}{did_you_mean(name, metrics())}")
        return criteria

    @field_validator("metrics")
    @classmethod
    def _of_its_kind(cls, criteria: dict[str, Requirement]) -> dict[str, Requirement]:
        for name, criterion in criteria.items():
            cost = metrics()[name].kind == "cost"
            if criterion.margin or criterion.floor if cost else criterion.at_most or criterion.tail_at_most:
                expected = "a cost. Give at_most or tail_at_most." if cost else "a share. Give margin or floor."
                raise ValueError(f"{name} is {expected}")
        return criteria

    def counts(self, agent: str) -> bool:
        """Whether an agent counts."""
        return "*" in self.agents or agent in self.agents

    @property
    def alpha(self) -> float:
        """The error rate of a claim."""
        return 1 - self.confidence


def load_policy(path: Path | None) -> Policy:
    """The policy of a file, or the default.

    Raises:
        ToolworthyError: the file is missing or not TOML, or has an unknown metric or key; one line, with the nearest
        known name.
    """
    if path is None:
        return load_toml(Policy, DEFAULT)
    return load_toml(Policy, path).model_copy(update={"source": str(path), "required": True})
