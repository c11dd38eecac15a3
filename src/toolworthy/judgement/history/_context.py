"""Other changes from run to run: agents, toolworthy, and what the server reports about itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from toolworthy.judgement.gate.sample import Sample
from toolworthy.records.meta import AgentPrint
from toolworthy.work.run.fingerprint import renamed, reshaped


@dataclass
class Moves:
    """The changes since the runs before."""

    agents: dict[str, list[str]] = field(default_factory=dict)
    """Changes of agents: agent to texts."""
    measure: list[str] = field(default_factory=list)
    """Changes of toolworthy: another version may judge differently."""
    server: list[str] = field(default_factory=list)
    """Changes of the endpoint."""

    @property
    def agent_lines(self) -> list[str]:
        """All changes of agents."""
        return [line for lines in self.agents.values() for line in lines]


@dataclass
class _Known:
    """The latest known state."""

    agents: dict[str, str] = field(default_factory=dict)
    fingerprints: dict[str, tuple[AgentPrint, ...]] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    server: dict[str, list[str]] = field(default_factory=dict)
    toolworthy: str = ""


def moves(samples: Sequence[Sample], suite: str) -> list[Moves]:
    """For each run of a suite, what changed since the runs before it."""
    known = _Known()
    out = []
    for sample in samples:
        now = _asked(sample, suite)
        out.append(_between(known, now))
        known.agents.update(now.agents)
        known.fingerprints.update({name: prints for name, prints in now.fingerprints.items() if prints})
        known.words.update(now.words)
        known.server.update(now.server)
        known.toolworthy = now.toolworthy
    return out


def _asked(sample: Sample, suite: str) -> _Known:
    """The state of a run that matters for a suite: agents matter for tasks, toolsets for cases."""
    took_part = {unit.agent for unit in sample.of(suite)}
    out = _Known(server=sample.server, toolworthy=sample.toolworthy)
    if suite == "tasks":
        out.agents = {name: version for name, version in sample.agents.items() if name in took_part}
        out.fingerprints = {name: prints for name, prints in sample.fingerprints.items() if name in took_part}
    elif suite == "tools":
        out.words = {name: hashed for name, hashed in sample.words.items() if name in took_part}
    return out


def _between(before: _Known, after: _Known) -> Moves:
    out = Moves()
    for name, version in after.agents.items():
        if name in before.agents and before.agents[name] != version:
            out.agents.setdefault(name, []).append(f"{name} {before.agents[name]} → {version}")
    for name in (*after.agents, *after.words):
        for note in reshaped(_only(before, name), _only(after, name)):
            out.agents.setdefault(name, []).append(note)
    if before.toolworthy and before.toolworthy != after.toolworthy:
        out.measure.append(f"toolworthy {before.toolworthy} → {after.toolworthy}")
    out.server += renamed(before.server, after.server)
    return out


def _only(known: _Known, agent: str) -> _Known:
    """The part of the state about one agent."""
    return _Known(
        agents={agent: known.agents[agent]} if agent in known.agents else {},
        fingerprints={agent: known.fingerprints[agent]} if agent in known.fingerprints else {},
        words={agent: known.words[agent]} if agent in known.words else {},
    )
