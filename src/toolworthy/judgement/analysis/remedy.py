"""What to do about a fault, for the server that it is: as it was recognized, ahead of what the user called it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from toolworthy.content import adapters
from toolworthy.content.adapters import ProviderAdapter
from toolworthy.work.probes import ProbeResult


def server_of(about: Mapping[str, Any], probes: Sequence[ProbeResult]) -> ProviderAdapter:
    """The server: by the owner of its models, else by its own words in an error, else as the user named it.

    Args:
        about: the content of ``run.json``.
        probes: what was asked of it.
    """
    told = about.get("preflight", {}).get("server") if isinstance(about.get("preflight"), dict) else ""
    if told:
        return adapters.provider(str(told))
    said = " ".join([*(one.detail for one in probes), *(found.detail for one in probes for found in one.findings)])
    named = adapters.provider(str(about.get("endpoint", {}).get("provider", "generic")))
    return adapters.by_words(said) or named
