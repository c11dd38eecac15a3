"""A root cause: the agents it harms, where it was seen, and its consequences, in the words of all outputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from toolworthy.base.counted import counted
from toolworthy.content import adapters
from toolworthy.judgement.analysis._evidence import EVIDENCE, Evidence
from toolworthy.judgement.analysis.triage import Sighting, Triaged
from toolworthy.records.finding import Severity
from toolworthy.rules import label
from toolworthy.wire.ir import Api
from toolworthy.work.kinds import KINDS
from toolworthy.work.probes.effects import Effect


@dataclass(frozen=True)
class Harm:
    """The harm of a root cause to one agent."""

    agent: str
    """Its id."""
    effect: Effect
    when: str
    """The words after "fails"."""
    evidence: Evidence
    did: str = ""
    """The outcome for the real agent when it was measured earlier."""

    @property
    def title(self) -> str:
        """The agent's name."""
        return adapters.title(self.agent)


@dataclass(frozen=True)
class RootCause:
    """One fault, with its consequences."""

    code: str
    """The code of a rule, the id of a probe, or ``cause-KIND`` for trials that failed because of the endpoint."""
    title: str
    detail: str
    """The detail of one example."""
    severity: Severity
    """For the agent that it harms most."""
    harms: tuple[Harm, ...]
    """The worst first; none if it harms no known agent."""
    seen: Mapping[str, tuple[int, int]]
    """Suite to how many of its items show it, and how many were sent over the same APIs."""
    apis: tuple[Api, ...]
    """The APIs over which it was seen."""
    spared: tuple[Api, ...]
    """The APIs over which probes were answered without it."""
    remedy: str
    follows: tuple[str, ...]
    """Codes and titles of its consequences."""
    failed: tuple[str, ...]
    """Keys of the probes, trials and cases that failed because of it."""
    codes: tuple[str, ...]
    """Its code, and those of its consequences."""
    probes: tuple[str, ...]
    """Keys of the probes that show it or a consequence, failed or not."""
    says: tuple[str, ...]
    """Kinds of its details, without parts that vary from run to run."""
    triage: Triaged
    """The triage decision about it."""

    @property
    def sighting(self) -> Sighting:
        """Its features that triage entries are compared with."""
        harmed = tuple(sorted(harm.agent for harm in self.harms if harm.effect != "noted"))
        return Sighting(self.code, self.apis, self.severity, harmed, self.says)

    @property
    def name(self) -> str:
        """Code and title."""
        return named(self.code, self.title)

    @property
    def breaks(self) -> tuple[str, ...]:
        """Ids of the agents that it breaks."""
        return tuple(harm.agent for harm in self.harms if harm.effect == "breaks")

    @property
    def harmful(self) -> bool:
        """Whether an agent is broken or fails in some situation because of it."""
        return any(harm.effect != "noted" for harm in self.harms)

    @property
    def is_open(self) -> bool:
        """Whether it concerns an agent and is not known, by triage."""
        return bool(self.harms) and not self.triage.known

    @property
    def harm(self) -> str:
        """Which agents it harms, and how."""
        grouped: dict[str, list[str]] = {}
        for harm in self.harms:
            how = {
                "breaks": "breaks {}",
                "untested": "leaves {} untested",
                "fails": f"{{}} fails {harm.when}",
                "noted": "may degrade {}",
            }[harm.effect]
            grouped.setdefault(how, []).append(harm.title)
        parts = (how.replace(" fails ", " fail ") if len(of) > 1 else how for how, of in grouped.items())
        texts = [part.format(listed(of)) for part, of in zip(parts, grouped.values(), strict=True)]
        return "; ".join(texts) or "harms no known agent"

    @property
    def count(self) -> str:
        """How often it was seen, suite by suite."""
        counts = ", ".join(f"{count:,} of {n:,} {KINDS[suite].many}" for suite, (count, n) in self.seen.items())
        return f"{counts} over {listed(self.apis)}" if self.apis else counts

    @property
    def evidence(self) -> str:
        """How the harm is known; agents are named if that differs between them."""
        grouped: dict[Evidence, list[str]] = {}
        for harm in self.harms:
            did = f" ({harm.did})" if harm.evidence == "earlier" else ""
            grouped.setdefault(harm.evidence, []).append(harm.title + did)
        if len(grouped) == 1 and "earlier" not in grouped:
            return EVIDENCE[next(iter(grouped))]
        return "; ".join(f"{EVIDENCE[how]}: {', '.join(grouped[how])}" for how in get_args(Evidence) if how in grouped)

    @property
    def unaffected(self) -> str:
        """The APIs, and so agents, that it does not affect; "" if none is known."""
        apis = listed([api.capitalize() for api in self.spared], "or")
        return (
            f"Not seen over {apis}; agents that use {'those' if self.spared[1:] else 'it'} are unaffected."
            if apis
            else ""
        )

    @property
    def consequences(self) -> str:
        """How many items failed because of it; "" if none did."""
        many = Counter(key.partition("/")[0] for key in self.failed)
        counts = [counted(count, f"failed {KINDS[suite].many.removesuffix('s')}") for suite, count in many.items()]
        return listed(counts)


def named(code: str, title: str) -> str:
    """The name of a rule, a probe, or a cause of trials, as all outputs show it."""
    return f"failed trials: {title}" if code.startswith("cause-") else f"{label(code)}: {title}"


def listed(texts: Sequence[str], last: str = "and") -> str:
    """``a, b and c``."""
    return f" {last} ".join(filter(None, (", ".join(texts[:-1]), *texts[-1:])))
