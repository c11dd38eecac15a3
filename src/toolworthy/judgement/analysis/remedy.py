"""The remedy for a fault on the detected server; if none was detected, on the one that the user named."""

from __future__ import annotations

from collections.abc import Sequence

from toolworthy.content import providers
from toolworthy.content.fixes import fix
from toolworthy.content.providers import ProviderAdapter
from toolworthy.judgement.analysis.unruled import UNRULED
from toolworthy.records.meta import RunMeta
from toolworthy.records.probe import ProbeResult
from toolworthy.rules import by_code

NO_REMEDY = "No known workaround. Report it to the server's maintainers; attach the bug report bundle."
_FEW = 3
"""Servers whose settings are named for a server that is not identified."""
ACCEPT = "Change the server to accept the request that it rejects: agents send it. The error names the rejected part."
NOT_YOURS = "If the server is not yours, report it to its maintainers; attach the bug report bundle."


def server_of(meta: RunMeta, probes: Sequence[ProbeResult]) -> ProviderAdapter:
    """The server: by the owner of its models, else by its own words in an error, else as the user named it.

    Args:
        meta: the run's metadata.
        probes: the results of the probes.
    """
    if meta.preflight.server:
        return providers.provider(meta.preflight.server)
    details = " ".join(
        [*(one.detail for one in probes), *(finding.detail for one in probes for finding in one.findings)]
    )
    return providers.by_words(details) or providers.provider(meta.endpoint.provider or "generic")


def remedy_for(server: ProviderAdapter, codes: Sequence[str], *, rejected: bool = False) -> str:
    """A setting of this server, or of a few known servers if it was not identified; else the change to its code.

    Args:
        server: the identified server, or ``generic``.
        codes: the root cause and all that follows from it.
        rejected: whether the endpoint rejects requests, with an error that no rule explains.
    """
    for code in (*codes, *(UNRULED[code].like for code in codes if code in UNRULED)):
        if hint := server.hints.get(code):
            return f"{server.title}: {hint}"
        if server.id == "generic" and (hints := providers.hints(code)):
            if len(hints) > _FEW and (rule := by_code(code)):
                return f"{rule.fix} `toolworthy rules {code}` shows the settings of {len(hints)} servers."
            return " ".join(f"{title}: {hint}" for title, hint in hints[:_FEW])
    if own := [UNRULED[code].fix for code in codes if code in UNRULED]:
        return own[0]
    if rejected:
        return f"{ACCEPT} {NOT_YOURS}"
    change = next(filter(None, (rule.fix if (rule := by_code(code)) else fix(code) for code in codes)), "")
    return f"{change} {NOT_YOURS}" if change else NO_REMEDY
