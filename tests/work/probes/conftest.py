"""What tests of many probes share."""

from __future__ import annotations

import pytest


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence of a minute takes a second here, on both sides; nobody waits for what asks for patience."""
    monkeypatch.setattr("toolworthy.work.probes._speed.LONGEST", 2.5)
    monkeypatch.setattr("toolworthy.base.retry.UNNAMED_WAIT", 0.0)
    monkeypatch.setattr("toolworthy.gateway._session.NAMED_WAIT", 0.0)
    monkeypatch.setattr("toolworthy.work.probes.recovery.LONGEST", 0.5)
    monkeypatch.setattr("toolworthy.base.retry.FIRST_PAUSE", 0.0)
    monkeypatch.setattr("toolworthy.rules._framing.SILENCE", 1.0)
    monkeypatch.setattr("toolworthy.rules._framing.LATE", 1.0)
