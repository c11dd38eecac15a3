"""How it is known that a root cause harms an agent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Evidence = Literal["this run", "own requests", "cases", "earlier", "rule", "model or server", "context"]
"""How a harm is known, the surest first: the real agent failed because of it in this run; the agent's own recorded
requests failed in this run; calls of tool-call cases were lost because of it; the real agent was measured earlier
(``toolworthy matrix``); only the rule or probe says so; the model may be at fault; the endpoint reports its context
window."""
EVIDENCE: Mapping[Evidence, str] = {
    "this run": "measured with the real agent in this run",
    "own requests": "the agent's recorded requests fail in this run",
    "cases": "tool-call cases with its toolset fail because of it in this run",
    "earlier": "measured with the real agent earlier, in one small task",
    "rule": "by the rule or probe only (not measured with an agent)",
    "model or server": "the server may withhold the tools or their calls, or the model cannot call any",
    "context": "by the context window that the endpoint reports (not measured)",
}
