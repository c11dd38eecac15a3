"""Servers not written by us, for a module's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .running import Server, serving


def _fixture(name: str) -> object:
    def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
        with serving(name, tmp_path_factory.mktemp(name)) as server:
            yield server

    return pytest.fixture(scope="module")(started)


llamacpp = _fixture("llamacpp")
litellm = _fixture("litellm")
codex_relay = _fixture("codex-relay")
