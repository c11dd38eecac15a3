"""Every target runs for some seconds; every input that once broke one is tried again, with atheris or without."""

from __future__ import annotations

import importlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .engine import TARGETS

FOUND = Path(__file__).parent / "found"
SECONDS = int(os.environ.get("TOOLWORTHY_FUZZ_SECONDS", "5"))
"""For each target. More on a machine that has the time."""


def test_every_target_is_known() -> None:
    other = {"engine", "files", "test_fuzz"}
    assert {path.stem for path in Path(__file__).parent.glob("*.py")} == {*TARGETS, *other}
    assert {path.name for path in FOUND.iterdir()} <= set(TARGETS)


@pytest.mark.process
@pytest.mark.parametrize("name", TARGETS)
def test_a_target_takes_its_seeds(name: str) -> None:
    target = importlib.import_module(f"tests.fuzz.{name}")
    for seed in (*target.SEEDS, b""):
        target.one(seed)


@pytest.mark.parametrize("path", sorted(FOUND.glob("*/*")), ids=lambda path: f"{path.parent.name}-{path.name}")
def test_what_was_found_once_stays_mended(path: Path) -> None:
    importlib.import_module(f"tests.fuzz.{path.parent.name}").one(path.read_bytes())


@pytest.mark.process
@pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None,
    reason="atheris is not installed; it has wheels for 64-bit x86 Linux and Python 3.11 to 3.13",
)
@pytest.mark.parametrize("name", TARGETS)
def test_a_target_finds_nothing_in_a_few_seconds(tmp_path: Path, name: str) -> None:
    command = [sys.executable, "-m", "tests.fuzz.engine", name, f"-max_total_time={SECONDS}", "-seed=1"]
    command.append(f"-artifact_prefix={tmp_path}/")
    done = subprocess.run(
        command,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "TMPDIR": str(tmp_path)},  # libFuzzer ends the process without tidying up
        capture_output=True,
        text=True,
        timeout=SECONDS + 240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    assert "Done " in done.stderr
