"""The command ``toolworthy``. Thin: every subcommand is a few lines over the floors below, imported when it is used."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from toolworthy import __version__
from toolworthy.base.errors import UserError
from toolworthy.base.visible import one_line, show
from toolworthy.base.whole import whole
from toolworthy.cli.command_line import refuse_keys
from toolworthy.cli.interrupt import as_ctrl_c
from toolworthy.wire.ir import APIS

_SUITES = ("wire", "tools", "tasks")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; its exit code. A mistake of the user's is one line on stderr and exit code 4, as pytest's."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        refuse_keys(arguments, os.environ)
        if arguments[:1] == ["run"]:
            return _run(arguments[1:])
        options = _parser().parse_args(arguments)
        from toolworthy.endpoint.plugins import load_plugins

        with as_ctrl_c():
            load_plugins(Path.cwd())
            code: int = options.do(options)
        return code
    except UserError as error:
        show(f"toolworthy: {error}", sys.stderr)
        return 4
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or the interpreter writes there once more as it ends
        return 128 + signal.SIGPIPE
    except OSError as error:
        show(f"toolworthy: {one_line(error)}", sys.stderr)
        return 4
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="toolworthy", description="Is this model endpoint worthy of the agent tool you want to put it behind?"
    )
    parser.add_argument("--version", action="version", version=f"toolworthy {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    commands.add_parser("run", help="run suites from anywhere, as `pytest suites` does: run [wire] [tools] [tasks] …")
    report = _command(commands, "report", _report, "write a run's report again, or one of several runs side by side")
    report.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="the first is compared with the others")
    report.add_argument("-o", "--out", type=Path, metavar="FILE", help="default: in the run, the last of several")
    report.add_argument("--only", default="", metavar="GLOB", help="trials, cases and probes whose key fits")
    _badge_options(_command(commands, "badge", _badge, "a run as a badge: SVG, or JSON for shields.io"))
    _evidence_options(_command(commands, "evidence", _evidence, "a finding of a run as an archive for a ticket"))
    _export_options(_command(commands, "export", _export, "runs as one table, or as logs of Inspect"))
    doctor = _command(commands, "doctor", _doctor, "look at an endpoint before tokens are spent")
    _endpoint_options(doctor)
    oracle = _command(commands, "oracle", _oracle, "serve the reference endpoint")
    oracle.add_argument("--port", type=int, default=8378)
    oracle.add_argument("--defect", action="append", default=[], metavar="ID", help="show this defect (repeatable)")
    oracle.add_argument("--list", action="store_true", help="list the defects that it can show")
    oracle.add_argument("--page", type=Path, metavar="FILE", help="write the catalogue as a page")
    matrix = _command(commands, "matrix", _matrix, "measure what real agents do with each defect")
    matrix.add_argument("--defect", action="append", default=[], metavar="ID")
    matrix.add_argument("--agent", action="append", default=[], metavar="NAME")
    matrix.add_argument("--situation", action="append", default=[], metavar="NAME", help="default: all it can stage")
    matrix.add_argument("--out", type=Path, metavar="FILE", help="default: beside the catalogue")
    matrix.add_argument("--concurrency", type=int, default=2, metavar="N")
    proxy = _command(commands, "proxy", _proxy, "record your own agent's traffic with an endpoint")
    _endpoint_options(proxy)
    proxy.add_argument("--port", type=int, default=8377)
    proxy.add_argument("--out", type=Path, default=Path("reports"))
    proxy.add_argument("--open", action="store_true", help="without the secret part of the address: all users may ask")
    _replay_options(_command(commands, "replay", _replay, "send a run's requests to another endpoint, and compare"))
    agents = _command(commands, "agents", _agents, "list, install or check agent tools")
    agents.add_argument("what", choices=("list", "install", "check"), nargs="?", default="list")
    agents.add_argument("names", nargs="*", metavar="NAME")
    agents.add_argument("--adapter", action="append", default=[], type=Path, metavar="FILE")
    tasks = _command(commands, "tasks", _tasks, "list tasks, or prove that they are sound")
    tasks.add_argument("what", choices=("list", "check"), nargs="?", default="list")
    tasks.add_argument("folders", nargs="*", type=Path, metavar="DIR")
    tasks.add_argument("--sandbox", choices=("auto", "bubblewrap", "none"), default="auto")
    gate = _command(commands, "gate", _gate, "may the candidate replace the baseline? pass, fail or inconclusive")
    gate.add_argument("baseline", nargs="?", type=Path, help="a run directory, a baseline's name or file")
    gate.add_argument("candidate", nargs="?", type=Path, help="a run directory")
    gate.add_argument("--policy", type=Path, metavar="FILE", help="what the candidate must hold; see --show-policy")
    gate.add_argument("--show-policy", action="store_true", help="print the default policy")
    gate.add_argument("--dir", type=Path, default=Path("baselines"), help="where baselines are (default baselines)")
    baseline = _command(commands, "baseline", _baseline, "keep what a run measured as a small file; show and list them")
    baseline.add_argument("what", choices=("save", "show", "list"))
    baseline.add_argument("names", nargs="*", metavar="RUN [NAME] | NAME", help="save RUN [NAME]; show NAME")
    baseline.add_argument("--dir", type=Path, default=Path("baselines"), help="where they are kept (default baselines)")
    _history_options(_command(commands, "history", _history, "many runs over time: what changed, and since when"))
    cases = _command(commands, "cases", _cases, "list tool-call cases, or prove that they are sound")
    cases.add_argument("what", choices=("list", "check"), nargs="?", default="list")
    cases.add_argument("paths", nargs="*", type=Path, metavar="PATH")
    cases.add_argument("--sandbox", choices=("auto", "bubblewrap", "none"), default="auto")
    rules = _command(commands, "rules", _rules, "list the rules, explain one, or write their pages")
    rules.add_argument("code", nargs="?", metavar="CODE")
    rules.add_argument("--pages", type=Path, metavar="DIR", help="write a page for every rule")
    return parser


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, do: object, help: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=help, description=help)
    parser.set_defaults(do=do)
    return parser


def _badge_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path)
    parser.add_argument("--suite", choices=("tasks", "tools", "wire"), help="default: the first of these it has")
    parser.add_argument("-o", "--out", type=Path, metavar="FILE", help="default: standard output")
    parser.add_argument("--json", action="store_true", help="what shields.io's endpoint badge reads")


def _evidence_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path)
    parser.add_argument("finding", nargs="?", metavar="FINDING", help="a code or an id; without it all are listed")
    parser.add_argument("-o", "--out", type=Path, metavar="FILE", help="default: a name of its own, here")


def _endpoint_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--endpoint", required=True, help="a URL, a provider, or a name from toolworthy.toml")
    parser.add_argument("--model", help="model id")
    parser.add_argument("--key-env", help="environment variable that holds the key")
    parser.add_argument("--wire", choices=APIS, help="translate to this wire API")


def _replay_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="a run directory, or a record of `toolworthy proxy`")
    _endpoint_options(parser)
    parser.add_argument("--reference", metavar="Y", help="ask this endpoint too: how far the recorded one is steady")
    parser.add_argument("--trials", type=positive, default=1, metavar="N", help="send every request N times")
    parser.add_argument("--concurrency", type=positive, default=4, metavar="N")
    parser.add_argument("--limit", type=positive, metavar="N", help="the first N requests only")
    parser.add_argument("--only", metavar="GLOB", help="trials whose name, suite, task or agent fits")
    parser.add_argument("--out", type=Path, default=Path("reports"), metavar="DIR")
    parser.add_argument(
        "--resume",
        type=Path,
        nargs="?",
        const=Path(),
        metavar="DIR",
        help="go on with a replay; the newest if none is named",
    )


def _export_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", type=Path, nargs="*", metavar="RUN")
    to = parser.add_mutually_exclusive_group(required=True)
    to.add_argument("--csv", type=Path, metavar="FILE", help="one row a result, of all runs")
    to.add_argument("--parquet", type=Path, metavar="FILE", help="the same, typed; needs toolworthy[parquet]")
    to.add_argument("--inspect", type=Path, metavar="DIR", help="logs for `inspect view`; FILE.json where there is one")
    to.add_argument("--schema", type=Path, metavar="FILE", help="JSON Schema of a run directory; without a run")


def _history_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", nargs="*", type=Path, metavar="RUN | DIR", help="default: all under reports")
    parser.add_argument("--endpoint", metavar="NAME", help="only runs of the endpoint of that name")
    parser.add_argument("--model", metavar="ID", help="only runs of that model")
    parser.add_argument("--suite", choices=_SUITES, help="only this suite")
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    parser.add_argument("-o", "--out", type=Path, metavar="FILE", help="write it as a page, too")


def positive(text: str) -> int:
    """A whole number from 1 up, for the command line and pytest's."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 up")
    return int(text)


def at_once(text: str) -> int | None:
    """The same, or ``auto``: as many as go well."""
    return None if text == "auto" else positive(text)


def _run(arguments: Sequence[str]) -> int:
    import pytest

    from toolworthy import content

    suites = [name for name in arguments if name in _SUITES]
    rest = [name for name in arguments if name not in _SUITES]
    paths = [str(content.SUITES / name) for name in suites] or [str(content.SUITES)]
    return int(pytest.main(["-c", str(content.SUITES / "pytest.toml"), *paths, *rest]))


def _report(options: argparse.Namespace) -> int:
    from toolworthy.cli.commands import report

    return report.run(options.runs, options.out, options.only)


def _badge(options: argparse.Namespace) -> int:
    from toolworthy.output.exports.badge import badge
    from toolworthy.records.store import RunDirectory

    made = badge(RunDirectory.open(options.run), options.suite)
    text = made.shields() if options.json else made.svg()
    if options.out is None:
        show(text, end="")
        return 0
    with whole(options.out) as partial:
        partial.write_text(text, encoding="utf-8")
    return 0


def _evidence(options: argparse.Namespace) -> int:
    from toolworthy.cli.commands import evidence

    return evidence.run(options.run, options.finding, options.out)


def _export(options: argparse.Namespace) -> int:
    from toolworthy.cli.commands import export

    ((kind, target),) = ((name, getattr(options, name)) for name in export.FORMATS if getattr(options, name))
    return export.run(options.runs, kind, target)


def _doctor(options: argparse.Namespace) -> int:
    from toolworthy.cli.commands.doctor import examine

    return examine(options.endpoint, model=options.model, key_env=options.key_env, wire=options.wire)


def _oracle(options: argparse.Namespace) -> int:
    from toolworthy.cli.commands import catalogue
    from toolworthy.cli.commands.serve import serve_oracle

    if options.page:
        with whole(options.page) as partial:
            partial.write_text(catalogue.page(), encoding="utf-8")
    elif options.list:
        show("\n".join(catalogue.lines()))
    else:
        return serve_oracle(options.port, options.defect)
    return 0


def _matrix(options: argparse.Namespace) -> int:
    from toolworthy.cli.commands import matrix

    return matrix.run(options.defect, options.agent, options.situation, options.out, options.concurrency)


def _proxy(options: argparse.Namespace) -> int:
    from toolworthy.cli.commands.serve import serve_proxy
    from toolworthy.endpoint.target import resolve

    endpoint = resolve(options.endpoint, model=options.model, key_env=options.key_env, wire=options.wire)
    return serve_proxy(endpoint, options.port, options.out, secret=not options.open)


def _replay(options: argparse.Namespace) -> int:
    from toolworthy.endpoint.target import resolve
    from toolworthy.work.replay import summary
    from toolworthy.work.replay.recording import Recording
    from toolworthy.work.replay.run import Plan, Replay, reference_endpoint

    recording = Recording.open(options.run)
    endpoint = resolve(options.endpoint, model=options.model, key_env=options.key_env, wire=options.wire)
    reference = reference_endpoint(options.reference, recording) if options.reference else None
    chosen = {name: getattr(options, name) for name in ("trials", "concurrency", "limit", "only", "out", "resume")}
    replay = Replay(Plan(recording, endpoint, reference, **chosen), lambda line: show(one_line(line)))
    try:
        return replay.perform()
    except KeyboardInterrupt:
        show("cut short; the same command with --resume goes on", sys.stderr)
        raise
    finally:
        if replay.run is not None:
            summary.tell(replay.run)


def _agents(options: argparse.Namespace) -> int:
    from toolworthy.cli.commands import agents as commands

    return commands.run(options.what, options.names, options.adapter)


def _tasks(options: argparse.Namespace) -> int:
    from toolworthy.cli.commands import tasks as commands
    from toolworthy.work.run.plan import choose_tasks

    return commands.run(options.what, choose_tasks([], options.folders), options.sandbox)


def _gate(options: argparse.Namespace) -> int:
    from toolworthy.cli.commands import gate

    if options.show_policy:
        return gate.default_policy()
    if options.candidate is None:
        raise UserError("give two runs: toolworthy gate BASELINE CANDIDATE")
    return gate.run(options.baseline, options.candidate, options.policy, options.dir)


def _baseline(options: argparse.Namespace) -> int:
    from toolworthy.judgement.gate import baseline

    names = options.names
    if options.what == "save" and 1 <= len(names) <= 2:
        return baseline.save(Path(names[0]), names[1] if len(names) == 2 else None, options.dir)
    if options.what == "show" and len(names) == 1:
        return baseline.show_one(names[0], options.dir)
    if options.what == "list" and not names:
        return baseline.list_all(options.dir)
    raise UserError("toolworthy baseline save RUN [NAME] | show NAME | list")


def _history(options: argparse.Namespace) -> int:
    from toolworthy.cli.commands import history

    return history.run(options.runs, options.endpoint, options.model, options.suite, options.json, options.out)


def _cases(options: argparse.Namespace) -> int:
    from toolworthy.cli.commands import cases as commands

    return commands.run(options.what, tuple(options.paths), options.sandbox)


def _rules(options: argparse.Namespace) -> int:
    from toolworthy.cli.commands import rules as commands

    return commands.run(options.code, options.pages)
