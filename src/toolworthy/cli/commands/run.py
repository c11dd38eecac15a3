"""`toolworthy run [wire] [tools] [tasks] [FILE] …`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from toolworthy.base.sanitize import show
from toolworthy.wire.ir import APIS


def run(arguments: Sequence[str]) -> int:
    """Run the named suites, or all, with pytest's own arguments; the exit code.

    Raises:
        ToolworthyError: from the command line or the run: one line.
    """
    if {"-h", "--help"} & {*arguments}:
        text = Path(__file__).parents[1].joinpath("run.txt").read_text(encoding="utf-8")
        show(text.format(apis=f"{', '.join(APIS[:-1])} or {APIS[-1]}"), end="")
        return 0
    import pytest

    from toolworthy import content
    from toolworthy.cli._pytest_hooks import RunHooks

    words = ["--help" if word == "--help-pytest" else word for word in arguments]
    return int(pytest.main(["-c", str(content.SUITES / "pytest.toml"), *words], plugins=[RunHooks()]))
