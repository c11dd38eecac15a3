"""What to do about a fault, for the server that it is: as it was recognized, ahead of what the user called it."""

from __future__ import annotations

from collections.abc import Sequence

from toolworthy.content import adapters
from toolworthy.content.adapters import ProviderAdapter
from toolworthy.records.meta import RunMeta
from toolworthy.records.probe import ProbeResult


def server_of(meta: RunMeta, probes: Sequence[ProbeResult]) -> ProviderAdapter:
    """The server: by the owner of its models, else by its own words in an error, else as the user named it.

    Args:
        meta: what its run says of itself.
        probes: what was asked of it.
    """
    if meta.preflight.server:
        return adapters.provider(meta.preflight.server)
    said = " ".join([*(one.detail for one in probes), *(found.detail for one in probes for found in one.findings)])
    return adapters.by_words(said) or adapters.provider(meta.endpoint.provider or "generic")
