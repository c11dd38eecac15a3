"""Blocking findings on the wire that the baseline lacks."""

from __future__ import annotations

from toolworthy.gate.compare import Comparable
from toolworthy.gate.criteria.judged import Judged, too_few
from toolworthy.gate.policy import Policy
from toolworthy.gate.sample import Sample

_BLOCKS = "blocking findings"


def judge(both: Comparable, baseline: Sample, candidate: Sample, policy: Policy) -> list[Judged]:
    """Nothing is left to chance here: one is enough."""
    if not policy.no_new_blocks_for:
        return []
    of = both.of("wire.supported")
    if not of.asked:
        both.notes.append("the baseline has no results of wire: whether blocking findings are new is not known")
        asked = policy.required and "no_new_blocks_for" in policy.model_fields_set
        return [Judged(_BLOCKS, "inconclusive", "the baseline has no results of wire")] if asked else []
    counted = {agent for agent in candidate.blocking if {"*", agent} & set(policy.no_new_blocks_for)}
    agents = sorted(agent for agent in counted & set(baseline.blocking) if policy.counts(agent))
    new = {agent: sorted(set(candidate.blocking[agent]) - set(baseline.blocking[agent])) for agent in agents}
    titles = {code: title for own in candidate.blocking.values() for code, title in own.items()}
    said = "; ".join(
        f"{agent}: " + ", ".join(f"{code} {titles[code]}" for code in codes) for agent, codes in new.items() if codes
    )
    if said:
        return [Judged(_BLOCKS, "fail", f"new: {said}", more=["`toolworthy rules CODE` says how to mend one"])]
    if of.missing > policy.unmeasured * of.asked:
        return [too_few(_BLOCKS, of, policy)]
    return [Judged(_BLOCKS, "pass", f"none is new for {', '.join(agents)}" if agents else "none is new")]
