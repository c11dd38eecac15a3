"""`toolworthy run [wire] [tools] [tasks] [FILE] …`."""

from __future__ import annotations

from collections.abc import Sequence

from toolworthy.base.sanitize import show
from toolworthy.wire.ir import APIS

_HELP = f"""\
usage: toolworthy run [SUITE | FILE]... [OPTION]...

Run suites against an endpoint: wire (the protocol), tools (tool calls), tasks (coding tasks in
real agents); all three where none is named.

Endpoint
  --endpoint X          a URL, a provider, a name from toolworthy.toml, or oracle (default)
  --model ID            model to request
  --key-env NAME        environment variable that holds the key
  --wire API            translate every agent to {", ".join(APIS[:-1])} or {APIS[-1]}
What to run
  --agent NAME          agent, repeatable, or all; --adapter FILE: one of your own
  --toolset AGENT       the built-in agent offers this agent's tools
  --tier TIER           how many probes are sent: quick, standard, full
  --task NAME           only this task; --tasks DIR: tasks of your own
  --case ID             only this case; --cases PATH: your own, bfcl:PATH, k2vv:PATH (--reference X)
  -k EXPRESSION         only items whose name fits; --collect-only -q lists them
How to run it
  --trials N            attempts per task or case and agent
  --concurrency N       requests in flight, trials at the same time
  --sandbox KIND        auto, bubblewrap or none; --timeout-factor F, --max-turns N
  --no-stream           the built-in agent and cases ask for whole responses
What it may spend
  --budget-usd X        also --budget-tokens N, --budget-minutes M, --price IN,OUT
  --yes                 no question before more than $1 or 10 minutes are spent
Compare and continue
  --baseline RUN        the exit code is the gate's; --gate FILE: its policy; --until-decided
  --triage FILE         known findings, which do not fail it (default triage.toml, if there)
  --out DIR             where run directories are made; --resume RUN continues one

examples:
  toolworthy run wire --tier quick --endpoint http://localhost:8000/v1 --model qwen3
  toolworthy run tools --endpoint deepseek --trials 3
  toolworthy run tasks --agent codex --agent claude-code --endpoint openai --budget-usd 5
  toolworthy run --resume reports/20261130-120000-abcd
  toolworthy run --baseline main --endpoint http://localhost:8000/v1 --model qwen3

exit codes: 0 passed, 1 failed, 2 inconclusive (with --baseline), 4 a mistake of yours, 130 stopped.
Options of pytest work as well: --help-pytest lists them.
"""


def run(arguments: Sequence[str]) -> int:
    """Run suites, all of them where none is named, with pytest's own arguments beside; the exit code.

    Raises:
        ToolworthyError: from the command line or the run: one line.
    """
    if {"-h", "--help"} & {*arguments}:
        show(_HELP, end="")
        return 0
    import pytest

    from toolworthy import content
    from toolworthy.cli._pytest_hooks import RunHooks

    given = ["--help" if word == "--help-pytest" else word for word in arguments]
    return int(pytest.main(["-c", str(content.SUITES / "pytest.toml"), *given], plugins=[RunHooks()]))
