"""The subcommands. Each is a module of this package, imported on use, and declared here: name, help, arguments. The
module's ``run`` takes the arguments by name and returns the exit code.

May import: everything.
Does not belong here: a command's logic; only its arguments and its output.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from toolworthy.cli._values import at_once, day, one_of, port, positive
from toolworthy.wire.ir import APIS

SUITES = ("wire", "tools", "tasks")


_Argument = tuple[tuple[str, ...], dict[str, Any]]
"""What `argparse` is told of an argument: its names, and how it is read."""


class Subcommand(NamedTuple):
    """A subcommand."""

    name: str
    """Of its module, too."""
    help: str
    arguments: tuple[_Argument, ...]
    one_of: tuple[_Argument, ...] = ()
    """Further ones, of which exactly one must be given."""
    example: str = ""
    """How it is typed."""
    next: str = ""
    """What to do after it."""


def _command(name: str, help: str, *arguments: _Argument, **more: Any) -> Subcommand:
    return Subcommand(name, help, arguments, **more)


def _arg(*names: str, **how: Any) -> _Argument:
    return names, how


def _path(*names: str, **how: Any) -> _Argument:
    return names, {"type": Path, **how}


def _many(name: str, metavar: str, **how: Any) -> _Argument:
    return (name,), {"action": "append", "default": [], "metavar": metavar, **how}


def _flag(*names: str, **how: Any) -> _Argument:
    return names, {"action": "store_true", **how}


def _to(kind: str, metavar: str, help: str) -> _Argument:
    return _arg(f"--{kind}", dest="to", type=lambda text: (kind, Path(text)), metavar=metavar, help=help)


_ENDPOINT = (
    _arg("--endpoint", required=True, metavar="X", help="a URL, a provider, a name from toolworthy.toml, or oracle"),
    _arg("--model", metavar="ID", help="model to request"),
    _arg("--key-env", metavar="NAME", help="environment variable that holds the key"),
    _arg("--wire", **one_of(APIS), help="translate to this wire API"),
)
_SANDBOX = _arg(
    "--sandbox", **one_of(("auto", "bubblewrap", "none")), default="auto", help="how code is isolated (default auto)"
)
_LIST_OR_CHECK = _arg("what", **one_of(("list", "check")), nargs="?", default="list", help="default: list")
_TRIAGE = _path("--triage", metavar="FILE", help="known findings (default triage.toml, if there)")
_BASELINES = _path(
    "--dir", dest="folder", default=Path("baselines"), metavar="DIR", help="where baselines are (default baselines)"
)

COMMANDS = (
    _command("run", "run suites against an endpoint: wire (protocol), tools (tool calls), tasks (coding tasks)"),
    _command(
        "report",
        "write a run's report again, or one of several runs side by side",
        _path(
            "paths",
            nargs="+",
            metavar="RUN",
            help="or a proxy's record; several are compared with the first",
        ),
        _path("-o", "--out", metavar="FILE", help="default: in the run, the last of several"),
        _arg("--only", default="", metavar="GLOB", help="trials, cases and probes whose key fits"),
        example="toolworthy report reports/RUN",
        next="open the page in a browser; `toolworthy evidence RUN` lists what was found",
    ),
    _command(
        "badge",
        "a run as a badge: SVG, or JSON for shields.io",
        _path("directory", metavar="RUN"),
        _arg("--suite", **one_of(SUITES[::-1]), help="default: the first of these it has"),
        _path("-o", "--out", metavar="FILE", help="default: standard output"),
        _flag("--json", dest="as_json", help="what shields.io's endpoint badge reads"),
        example="toolworthy badge reports/RUN -o badge.svg",
        next="commit the badge, or let CI write it",
    ),
    _command(
        "evidence",
        "a finding of a run as an archive for a ticket",
        _path("path", metavar="RUN", help="or a record of the proxy"),
        _arg("wanted", nargs="?", metavar="FINDING", help="a code, a slug or an id; without it all are listed"),
        _path("-o", "--out", metavar="FILE", help="default: a name of its own, here"),
        example="toolworthy evidence reports/RUN TW101",
        next="`toolworthy evidence RUN ID` writes one finding as an archive for a bug report",
    ),
    _command(
        "triage",
        "list a run's findings with their state, or decide about one",
        _path("path", metavar="RUN"),
        _arg("wanted", nargs="?", metavar="CODE", help="a finding; without it all are listed"),
        _arg("--state", **one_of(("known", "filed", "fixed", "ignored")), help="what is decided about it"),
        _arg("--note", default="", metavar="TEXT", help="a link, or why"),
        _arg("--until", type=day, metavar="DATE", help="the last day on which it holds: 2027-01-31"),
        _path("--file", metavar="FILE", help="write it there too, for a repository"),
        example='toolworthy triage reports/RUN TW101 --state filed --note "vllm#123"',
        next="`toolworthy report RUN` shows it; with --file triage.toml it also holds for later runs",
    ),
    _command(
        "export",
        "runs as one table, or as logs of Inspect",
        _path("paths", nargs="*", metavar="RUN"),
        one_of=(
            _to("csv", "FILE", "one row a result, of all runs"),
            _to("parquet", "FILE", "the same, typed; needs toolworthy[parquet]"),
            _to("inspect", "DIR", "logs for `inspect view`; FILE.json where there is one"),
            _to("schema", "FILE", "JSON Schema of a run directory; without a run"),
        ),
        example="toolworthy export reports/* --csv results.csv",
        next="docs/formats.md says what the columns mean",
    ),
    _command(
        "doctor",
        "look at an endpoint before tokens are spent",
        *_ENDPOINT,
        example="toolworthy doctor --endpoint http://localhost:8000/v1 --model qwen3",
        next="`toolworthy run wire --tier quick` with the same options tests the protocol",
    ),
    _command(
        "check",
        "look at an endpoint for two minutes, or judge responses that you have in files",
        _arg("what", nargs="+", metavar="WHAT", help="an endpoint; or files with responses, a run directory, or -"),
        _arg("--model", metavar="ID", help="model to request (default: the one that the endpoint lists)"),
        _arg("--key-env", metavar="NAME", help="environment variable that holds the key"),
        _arg("--wire", **one_of(APIS), help="test only this wire API"),
        _arg(
            "--budget-minutes", type=float, default=2.0, metavar="M", help="how long to probe an endpoint (default 2)"
        ),
        _path(
            "--out", default=Path("reports"), metavar="DIR", help="where the run directory is made (default reports)"
        ),
        _flag("--json", dest="as_json", help="print findings in files as JSON"),
        example="toolworthy check http://localhost:8000/v1",
    ),
    _command(
        "oracle",
        "serve the reference endpoint",
        _arg("--port", type=port, metavar="N", default=8378, help="where it listens (default 8378)"),
        _many("--defect", "ID", dest="defects", help="show this defect (repeatable)"),
        _flag("--list", dest="listed", help="list the defects that it can show"),
        _path("--page", metavar="FILE", help="write the catalogue as a page"),
        example="toolworthy oracle --defect missing-tool-call-id",
    ),
    _command(
        "matrix",
        "measure what real agents do with each defect",
        _many("--defect", "ID", dest="defects", help="only this defect (repeatable)"),
        _many("--agent", "NAME", dest="agents", help="only this agent (repeatable)"),
        _many("--situation", "NAME", dest="situations", help="default: all it can stage"),
        _path("--out", metavar="FILE", help="default: next to the catalogue"),
        _arg("--concurrency", dest="at_once", type=positive, default=2, metavar="N", help="trials at the same time"),
        example="toolworthy matrix --defect ID --agent codex",
        next="`toolworthy oracle --page docs/defects.md` writes the catalogue again",
    ),
    _command(
        "proxy",
        "record your own agent's traffic with an endpoint, and show findings as they come",
        *_ENDPOINT,
        _arg("--port", type=port, metavar="N", default=8377, help="where it listens (default 8377)"),
        _path("--out", default=Path("reports"), metavar="DIR", help="where it is recorded (default reports)"),
        _flag(
            "--open", dest="for_all", help="without the secret part of the address: every local user can send requests"
        ),
        example="toolworthy proxy --endpoint deepseek",
        next="`toolworthy report FILE` shows the record; `toolworthy replay FILE --endpoint Y` sends it elsewhere",
    ),
    _command(
        "replay",
        "send a run's requests to another endpoint, and compare",
        _path("recorded", nargs="?", metavar="RUN", help="a run directory, or a record of `toolworthy proxy`"),
        _arg("--endpoint", metavar="X", help="a URL, a provider, a name from toolworthy.toml, or oracle"),
        *_ENDPOINT[1:],
        _arg(
            "--reference", metavar="Y", help="also send to this endpoint, to measure how much the recorded one varies"
        ),
        _arg("--trials", type=positive, metavar="N", help="send every request N times"),
        _arg("--concurrency", type=at_once, metavar="N", help="requests in flight (default auto: as many as go well)"),
        _arg("--limit", type=positive, metavar="N", help="the first N requests only"),
        _arg("--only", metavar="GLOB", help="trials whose name, suite, task or agent fits"),
        _path("--out", metavar="DIR", help="where run directories are made (default reports)"),
        _path("--resume", metavar="RUN", help="continue a replay: only what it lacks is sent"),
        example="toolworthy replay reports/RUN --endpoint http://localhost:8000/v1 --model qwen3",
        next="`toolworthy report RUN` shows the replay as a page",
    ),
    _command(
        "agents",
        "list, install or check agent tools, or pin what they depend on",
        _arg("what", **one_of(("list", "install", "check", "lock")), nargs="?", default="list", help="default: list"),
        _arg("names", nargs="*", metavar="NAME", help="default: all"),
        _many("--adapter", "FILE", dest="files", type=Path, help="an agent of your own (repeatable)"),
        example="toolworthy agents install codex",
        next="`toolworthy run tasks --agent NAME --endpoint X` gives an agent coding tasks",
    ),
    _command(
        "tasks",
        "list tasks, or prove that they are sound",
        *(_LIST_OR_CHECK, _path("folders", nargs="*", metavar="DIR"), _SANDBOX),
        example="toolworthy tasks check ./my-tasks",
        next="`toolworthy run tasks --task NAME --endpoint X` runs one of them",
    ),
    _command(
        "gate",
        "may the candidate replace the baseline? pass, fail or inconclusive",
        _path("baseline", nargs="?", help="a run directory, a baseline's name or file"),
        _path("candidate", nargs="?", help="a run directory"),
        _path("--policy", metavar="FILE", help="what the candidate must hold; see --show-policy"),
        _flag("--show-policy", help="print the default policy"),
        _TRIAGE,
        _BASELINES,
        example="toolworthy gate baselines/main.json reports/RUN",
        next="`toolworthy report CANDIDATE` shows the comparison as a page",
    ),
    _command(
        "baseline",
        "keep what a run measured as a small file; show and list them",
        _arg("what", **one_of(("save", "show", "list"))),
        _arg("names", nargs="*", metavar="RUN [NAME] | NAME", help="save RUN [NAME]; show NAME"),
        _BASELINES,
        example="toolworthy baseline save reports/RUN main",
        next="`toolworthy gate NAME RUN` compares a run with a baseline",
    ),
    _command(
        "history",
        "many runs over time: what changed, and since when",
        _path("paths", nargs="*", metavar="RUN | DIR", help="default: all under reports"),
        _arg("--endpoint", metavar="NAME", help="only runs of the endpoint of that name"),
        _arg("--model", metavar="ID", help="only runs of that model"),
        _arg("--suite", **one_of(SUITES), help="only this suite"),
        _flag("--json", dest="as_json", help="print it as JSON"),
        _path("-o", "--out", metavar="FILE", help="write it as a page, too"),
        example="toolworthy history reports -o history.html",
        next="`toolworthy report RUN RUN` shows two of them side by side",
    ),
    _command(
        "cases",
        "list tool-call cases, or prove that they are sound",
        *(_LIST_OR_CHECK, _path("paths", nargs="*", metavar="PATH"), _SANDBOX),
        example="toolworthy cases check my-cases.toml",
        next="`toolworthy run tools --case ID --endpoint X` runs one of them",
    ),
    _command(
        "completion",
        "print what completes commands, options and names in your shell",
        _arg("shell", **one_of(("bash", "zsh", "fish", "tcsh"))),
        example='eval "$(toolworthy completion bash)"  # in ~/.bashrc',
    ),
    _command(
        "rules",
        "list the rules, explain one, or write their pages",
        _arg("name", nargs="?", metavar="RULE", help="code or slug"),
        _path("--pages", metavar="DIR", help="write a page for every rule"),
        example="toolworthy rules TW101",
        next="`toolworthy run wire --endpoint X` looks for all of them",
    ),
)
