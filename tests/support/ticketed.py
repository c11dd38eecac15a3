"""Runs with findings, and their archives, for the tests of evidence."""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tests.support.examples import recorded as exchanged
from toolworthy.output.bug_report.evidence import located_findings
from toolworthy.output.bug_report.ticket import Located
from toolworthy.records.exchange import Exchange
from toolworthy.records.exchanges import ExchangeWriter, file_name
from toolworthy.records.finding import Evidence, Finding
from toolworthy.records.meta import RunMeta
from toolworthy.records.score import Score
from toolworthy.records.store import RunDirectory
from toolworthy.records.trial import TrialKey, TrialResult

KEY = "k3y/with\"quote+and=$more's"
SAID = b'{"model": "m", "messages": [{"role": "user", "content": "hi"}]}'
TRIAL = TrialKey(suite="tasks", task="fix-it", agent="codex")
NEEDED = {"README.md", "finding.json", "request-headers.txt", "response.body", "response-headers.txt", "timing.csv"}


def recorded(index: int = 0, **more: Any) -> Exchange:
    """A chat request of an agent, and an answer."""
    sent = {"content-type": "application/json", "authorization": "[redacted]"}
    own = {"trial": str(TRIAL), "request_headers": sent, "request_body": SAID, "started": 1_795_605_838.5}
    return exchanged(index=index, **{**own, **more})


def finding(code: str = "TW101", exchange: int = 0, severity: str = "blocks", detail: str = "d") -> Finding:
    evidence = Evidence(exchange=exchange, excerpt="the bytes")
    return Finding(code=code, title="t", severity=severity, detail=detail, evidence=evidence)


def a_run(folder: Path, exchanges: Sequence[Exchange], *findings: Finding, **more: Any) -> RunDirectory:
    """A run of one trial."""
    about = {
        "toolworthy": "0.1.0",
        "endpoint": {"name": "e", "provider": "generic", "base_urls": {"chat": "https://e.example/v1"}, "model": "m"},
        "agents": {"codex": "0.169.0"},
        **more,
    }
    made = RunDirectory.create(folder, RunMeta.model_validate(about))
    keep(made, exchanges)
    made.append(TrialResult(key=TRIAL, status="passed", score=Score(findings=findings), exchanges=file_of(TRIAL)))
    return made


def file_of(key: object) -> str:
    return f"exchanges/{file_name(str(key))}"


def keep(made: RunDirectory, exchanges: Iterable[Exchange]) -> None:
    for exchange in exchanges:
        writer = ExchangeWriter(made.path / file_of(exchange.trial))
        writer.append(exchange)
        writer.close()


def opened(data: bytes) -> dict[str, bytes]:
    """The files of an archive."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {file: archive.read(file) for file in archive.namelist()}


def only(made: RunDirectory) -> Located:
    (located,) = located_findings(made)
    return located


def unpacked(data: bytes, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        archive.extractall(folder)
    return folder


async def again(folder: Path, program: str, **variables: str) -> tuple[bytes, str]:
    """What ``reproduce.sh`` or ``.py`` writes to its two outputs."""
    command = ["sh", "reproduce.sh"] if program == "sh" else [sys.executable, "reproduce.py"]
    env = {"PATH": os.environ["PATH"], **variables}
    done = await asyncio.to_thread(subprocess.run, command, cwd=folder, env=env, capture_output=True, timeout=60)
    return done.stdout, done.stderr.decode()
