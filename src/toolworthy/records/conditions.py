"""The conditions of a run: the options that affect its results, each declared once.

They are stored in ``run.json``; ``--resume`` restores them and refuses different ones; "again: …" lists them. Budget,
prices, concurrency and the output directory are not conditions.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from toolworthy.records.meta import EndpointRecord, RunMeta
from toolworthy.records.score import Limit


@dataclass(frozen=True)
class Condition:
    """One option."""

    option: str
    given: str
    """Its name among the command line's values; None or a missing value means that it was not given."""
    where: str
    """Its path in the plan's options, and in the options or the endpoint of ``run.json``."""
    default: object = None
    suites: tuple[str, ...] | None = None
    """The suites whose results it changes; None for all."""
    bounds: tuple[Limit, ...] = ()
    """The limits that it sets."""
    by_content: bool = False
    """Whether its value names files: these may have moved; hashes show whether they are the same."""

    def of(self, options: object) -> object:
        """Its value in the options of a plan, or in a run's metadata."""
        value = options.options if isinstance(options, RunMeta) and not self.where.startswith("endpoint.") else options
        for name in self.where.split("."):
            value = value.get(name, self.default) if isinstance(value, dict) else getattr(value, name, None)
        return list(value) if isinstance(value, tuple) else value

    def concerns(self, suite: str) -> bool:
        """Whether it changes the results of a suite."""
        return self.suites is None or suite in self.suites

    def in_words(self, value: object) -> str:
        """A value as text: ``--max-turns 6``, ``no --toolset``."""
        if isinstance(value, bool):
            return self.option if value != self.default else f"no {self.option}"
        return f"no {self.option}" if value is None or value == [] else f"{self.option} {value}"


CONDITIONS = [
    Condition("--endpoint", "endpoint", "endpoint.name"),
    Condition("--model", "model", "endpoint.model"),
    Condition("--key-env", "key_env", "endpoint.key_env"),
    Condition("--wire", "wire", "endpoint.forced_api"),
    Condition("--adapter", "adapter", "adapters", [], ("tasks", "tools"), by_content=True),
    Condition("--tasks", "tasks", "task_folders", [], ("tasks",), by_content=True),
    Condition("--cases", "cases", "case_paths", [], ("tools",), by_content=True),
    Condition("--reference", "reference", "reference.name", None, ("tools", "replay")),
    Condition("--only", "only", "only", None, ("replay",)),
    Condition("--limit", "limit", "limit", None, ("replay",)),
    Condition("--tier", "tier", "tier", "standard", ("wire",)),
    Condition("--toolset", "toolset", "toolset", None, ("tasks",)),
    Condition("--no-stream", "stream", "stream", True, ("tasks", "tools")),
    Condition("--sandbox", "sandbox", "sandbox", "auto", ("tasks", "tools")),
    Condition("--timeout-factor", "timeout_factor", "timeout_factor", 1.0, ("tasks",), bounds=("time",)),
    Condition("--max-turns", "max_turns", "max_turns", 60, ("tasks",), bounds=("turns",)),
    Condition("--trials", "trials", "trials", 1, ()),
    Condition("--until-decided", "until_decided", "until_decided", False, ()),
]
"""Kinds of work add their own options."""
_OWN = "own."


def declare(suite: str, options: Mapping[str, Mapping[str, Any]]) -> None:
    """Declare the options of a kind of work, so that they are stored, restored and compared like all others."""
    CONDITIONS[:] = [condition for condition in CONDITIONS if condition.option not in options]
    for option, settings in options.items():
        name = option.removeprefix("--").replace("-", "_")
        CONDITIONS.append(Condition(option, name, _OWN + name, settings.get("default"), (suite,)))


def restore(options: argparse.Namespace, meta: RunMeta | None) -> None:
    """Set options that were not given to their value in the resumed run, else to their default.

    Args:
        options: the command line's values.
        meta: the metadata of the resumed run; None for a new run.
    """
    for condition in CONDITIONS:
        if getattr(options, condition.given, None) in (None, []):
            setattr(options, condition.given, condition.of(meta) if meta else condition.default)


def chosen(options: argparse.Namespace) -> dict[str, Any]:
    """The options of a plan that are conditions, with their own values."""
    own = {
        condition.given: getattr(options, condition.given)
        for condition in CONDITIONS
        if condition.where.startswith(_OWN)
    }
    plain = (condition for condition in CONDITIONS if "." not in condition.where and not condition.by_content)
    return {**{condition.where: getattr(options, condition.given) for condition in plain}, "own": own}


def recorded_options(options: object) -> dict[str, Any]:
    """The conditions as the options of ``run.json``."""
    return {condition.where: condition.of(options) for condition in CONDITIONS if "." not in condition.where}


def bounds(meta: RunMeta) -> dict[str, Any]:
    """A run's values of the options that set limits, by option."""
    return {condition.option: condition.of(meta) for condition in CONDITIONS if condition.bounds}


def unlike(before: Mapping[str, Any], after: Mapping[str, Any], suite: str) -> dict[Limit, tuple[str, str]]:
    """The limits of a suite that differ between two runs, with both values.

    Args:
        before: the `bounds` of one run.
        after: the `bounds` of the other.
        suite: whose limits.
    """
    limits: dict[Limit, tuple[str, str]] = {}
    for condition in CONDITIONS:
        was, now = (side.get(condition.option, condition.default) for side in (before, after))
        if was != now and condition.concerns(suite):
            limits |= dict.fromkeys(condition.bounds, (condition.in_words(was), condition.in_words(now)))
    return limits | ({"unnamed": next(iter(limits.values()))} if limits else {})


def arguments(options: object, suite: str) -> Iterator[str]:
    """The command-line arguments that set the conditions of a suite."""
    for condition in CONDITIONS:
        value = condition.of(options)
        if not condition.concerns(suite) or value == condition.default:
            continue
        if isinstance(value, bool):
            yield condition.option
        else:
            for each in value if isinstance(value, list) else [value]:
                yield from (condition.option, str(each))


def difference(old: RunMeta, new: RunMeta) -> str:
    """The difference between two ``run.json`` whose runs must not be mixed, in a few words; empty if they may be."""
    for condition in CONDITIONS:
        was, now = condition.of(old), condition.of(new)
        if not condition.by_content and was != now:
            return f"was made with {condition.in_words(was)}, this is {condition.in_words(now)}"
    for field, option in _CONTENT.items():
        was, now = (getattr(meta, field) for meta in (old, new))
        if was == now or was is None or (field == "toolset_hashes" and not was):  # runs from before it was stored
            continue
        if isinstance(was, EndpointRecord):
            was, now = was.model_dump(), now.model_dump()
        if isinstance(was, list):
            return f"was made with {option} {_short(was)}, this is {option} {_short(now)}"
        if option and set(was) != set(now):
            names, theirs = (", ".join(side) or "none" for side in (was, now))
            return f"was made with {option} {names}, this is {option} {theirs}"
        name = next(name for name in {**was, **now} if was.get(name) != now.get(name))
        return f"was made with another {name} ({field}: {_short(was.get(name))}, now {_short(now.get(name))})"
    return ""


_CONTENT = {
    "endpoint": "",
    "plugins": "plugins",
    "tasks": "--task",
    "agents": "--agent",
    "cases": "--case",
    "toolsets": "--agent",
    "toolset_hashes": "",
}
"""Parts of ``run.json`` that must be equal, each with the option that determines it."""


def _short(value: object) -> str:
    text = "none" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= 60 else f"{text[:16]}…"
