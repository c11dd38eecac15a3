"""The severity of a defect for one agent: measured if possible, otherwise the rule's."""

from __future__ import annotations

from toolworthy.content import breakage
from toolworthy.content.situations import Situation
from toolworthy.records.finding import Severity


def severity_for(
    agent: str, code: str, severity: Severity, situation: Situation = "always", verdict: str = ""
) -> Severity:
    """The measured severity for this agent (``toolworthy matrix``); else `severity`.

    Args:
        agent: its id.
        code: of a rule, or the id of a probe.
        severity: the general one of the rule or probe.
        situation: when the agent meets it. What it did elsewhere tells that it can be harmed, and that it need not mind
            what only degrades.
        verdict: verdict and detail of a probe, which tell the defects that it names apart.
    """
    did = breakage.did(agent, code, situation, verdict)
    elsewhere = breakage.did(agent, code, detail=verdict)
    if did is None and (elsewhere != "unaffected" or severity == "degrades"):
        did = elsewhere
    if did is None:
        return severity
    if did == "unaffected":  # in one small task: milder, not harmless
        return "degrades" if severity == "blocks" else "cosmetic"
    return "degrades" if did == "recovers" else "blocks"
