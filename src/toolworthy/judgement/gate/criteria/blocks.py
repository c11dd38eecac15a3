"""Blocking findings on the wire that the baseline does not have."""

from __future__ import annotations

from toolworthy.content import adapters
from toolworthy.judgement.analysis.root_cause import listed, named
from toolworthy.judgement.analysis.triage import EXCUSED
from toolworthy.judgement.gate._compare import Comparable
from toolworthy.judgement.gate.criteria.judged import Judged, too_few
from toolworthy.judgement.gate.policy import Policy
from toolworthy.judgement.gate.sample import Sample

_BLOCKS = "blocking findings"


def judge(both: Comparable, baseline: Sample, candidate: Sample, policy: Policy) -> list[Judged]:
    """A single new one fails. A regression fails even if only trials show it."""
    if not policy.no_new_blocks_for:
        return []
    of = both.of("wire.supported")
    relevant = {
        agent for agent in (*baseline.blocking, *candidate.decided) if {"*", agent} & {*policy.no_new_blocks_for}
    }
    agents = sorted(agent for agent in relevant if policy.counts(agent))
    now = {agent: candidate.blocking.get(agent, {}) | candidate.decided.get(agent, {}) for agent in agents}
    known = {code for code, (state, _) in candidate.triage.items() if state in EXCUSED}
    fixed = {code for code, (state, _) in candidate.triage.items() if state == "regression"}
    before = baseline.blocking if of.asked else {}
    lacked = {agent: candidate.blocking.get(agent, {}).keys() - before[agent].keys() - known for agent in before}
    new = {agent: sorted(lacked.get(agent, set()) | (now[agent].keys() & fixed)) for agent in agents}
    texts = {
        agent: ", ".join(_cause_text(candidate, code, now[agent][code]) for code in codes)
        for agent, codes in new.items()
    }
    excused = {code: title for agent in agents for code, title in now[agent].items() if code in known}
    notes = "".join(f"; {_cause_text(candidate, code, title)}" for code, title in sorted(excused.items()))
    text = "; ".join(f"{adapters.title(agent)}: {codes}" for agent, codes in texts.items() if codes)
    if text:
        more = ["`toolworthy rules CODE` shows how to fix one"]
        return [Judged(_BLOCKS, "fail", f"new: {text}{notes}", more=more)]
    if not of.asked:
        both.notes.append("the baseline has no results of wire, so new blocking findings cannot be recognized")
        required = policy.required and "no_new_blocks_for" in policy.model_fields_set
        return [Judged(_BLOCKS, "inconclusive", "the baseline has no results of wire")] if required else []
    if of.missing > policy.unmeasured * of.asked:
        return [too_few(_BLOCKS, of, policy)]
    tested = [agent for agent in agents if agent in baseline.blocking and agent not in baseline.untested]
    unjudged = [agent for agent in tested if agent in candidate.untested or agent not in candidate.blocking]
    lost = {agent: candidate.untested.get(agent, "") for agent in unjudged}
    if lost:
        whom = "; ".join(f"{adapters.title(agent)}: {why or 'untested'}" for agent, why in lost.items())
        needed = "run every wire probe that the baseline ran"
        return [
            Judged(_BLOCKS, "inconclusive", f"judged in the baseline, but not in the candidate: {whom}", needed=needed)
        ]
    text = f"none is new for {listed([*map(adapters.title, tested)])}" if tested else "none is new"
    return [Judged(_BLOCKS, "pass", text + notes)]


def _cause_text(sample: Sample, code: str, title: str) -> str:
    """A root cause, with the triage decision about it."""
    decided = sample.triage.get(code, ("", ""))[1]
    return named(code, title) + (f" ({decided})" if decided else "")
