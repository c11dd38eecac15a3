"""The servers that run until they are stopped: `toolworthy oracle` and `toolworthy proxy`."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conftest import run


@pytest.mark.parametrize(
    "door",
    [("oracle",), ("proxy", "--endpoint", "http://127.0.0.1:1", "--model", "m")],
    ids=["oracle", "proxy"],
)
@pytest.mark.parametrize("port", ["99999", "-1"])
def test_a_port_that_there_is_not_is_one_line(tmp_path: Path, door: tuple[str, ...], port: str) -> None:
    done = run("toolworthy", *door, "--port", port, cwd=tmp_path)
    assert done.returncode == 4
    assert len(done.stderr.splitlines()) == 1
    assert "give another with --port" in done.stderr
