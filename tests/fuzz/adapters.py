"""Adapters of agents (first byte even) and of providers (odd)."""

from __future__ import annotations

from toolworthy import content
from toolworthy.content.adapters import AgentAdapter, load
from toolworthy.content.providers import ProviderAdapter

from .files import FOLDER, refused_in_a_line

_FILES = ((b"\0", "agents"), (b"\1", "providers"))
SEEDS = [
    kind + path.read_bytes()[:4_000]
    for kind, folder in _FILES
    for path in sorted((content.ADAPTERS / folder).glob("*.toml"))
]


def one(data: bytes) -> None:
    """Any file is an adapter, or refused in one line."""
    model: type[AgentAdapter] | type[ProviderAdapter] = ProviderAdapter if data[:1] and data[0] % 2 else AgentAdapter
    path = FOLDER / "adapter.toml"
    path.write_bytes(data[1:])
    refused_in_a_line(lambda: load(model, path))
