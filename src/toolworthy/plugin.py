"""The pytest door: options, and trials and probes that run concurrently while pytest's items wait for their own.

Loaded by ``suites/pytest.toml`` or for a suite of a user's own (``-p toolworthy.plugin``), never by an entry point:
installing toolworthy changes nothing in other people's pytest runs.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeGuard, cast

import pytest

from toolworthy.base.errors import UserError
from toolworthy.base.visible import visible
from toolworthy.cli.fixtures import OPTIONS as _OPTIONS
from toolworthy.cli.fixtures import SESSION as _SESSION
from toolworthy.cli.fixtures import ask as ask
from toolworthy.cli.fixtures import asks
from toolworthy.cli.fixtures import endpoint as endpoint
from toolworthy.cli.fixtures import pytest_pyfunc_call as pytest_pyfunc_call
from toolworthy.cli.fixtures import reference_server as reference_server
from toolworthy.cli.interrupt import Interrupts
from toolworthy.cli.options import pytest_addoption as pytest_addoption

if TYPE_CHECKING:
    from toolworthy.judgement.gate.looks import Looks
    from toolworthy.output.terminal.closing import Tone
    from toolworthy.records.case import CaseKey, CaseResult
    from toolworthy.records.finding import Finding
    from toolworthy.records.probe import ProbeResult
    from toolworthy.records.trial import Key, TrialResult
    from toolworthy.work.run.listener import Listener
    from toolworthy.work.run.plan import Options

_INTERRUPTS = pytest.StashKey[Interrupts]()
_LOOKS: pytest.StashKey[Looks] = pytest.StashKey()
_MARKUP: dict[Tone, dict[str, bool]] = {"good": {"green": True}, "fair": {"yellow": True}, "bad": {"red": True}, "": {}}


def pytest_configure(config: pytest.Config) -> None:
    """Read the options once; a mistake ends here, in one line."""
    from toolworthy.endpoint.plugins import load_plugins
    from toolworthy.work.probes import load_suite
    from toolworthy.work.run.given import read_options

    if config.option.help or config.option.version:
        return
    interrupts = config.stash[_INTERRUPTS] = Interrupts(partial(_stopped, config))
    interrupts.begin()
    try:
        _check_alone(config)
        if load_plugins(config.invocation_params.dir):
            load_suite()  # or a probe of theirs with the name of one of ours would be a mistake in a file of ours
        config.stash[_OPTIONS] = read_options(config.option, config.invocation_params.dir)
        _check_gate(config)
    except UserError as error:
        raise pytest.UsageError(str(error)) from None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One item for every trial, case, way of a probe, or rule, where a test asks for one."""
    if "trial" in metafunc.fixturenames:
        keys = metafunc.config.stash[_OPTIONS].keys()
        many = metafunc.config.stash[_OPTIONS].trials > 1
        ids = [f"{key.task}-{key.agent}" + (f"-{key.repeat}" if many else "") for key in keys]
        metafunc.parametrize("trial", keys, ids=ids, indirect=True)
    if "case" in metafunc.fixturenames:
        asked = metafunc.config.stash[_OPTIONS].case_keys()
        many = metafunc.config.stash[_OPTIONS].trials > 1
        names = [f"{key.case}-{key.vocabulary}" + (f"-{key.repeat}" if many else "") for key in asked]
        metafunc.parametrize("case", asked, ids=names, indirect=True)
    if "probed" in metafunc.fixturenames:
        ways = list(metafunc.function.probe.ways())
        metafunc.parametrize("probed", ways, ids=[key.way for key in ways], indirect=True)
    if "ruled" in metafunc.fixturenames:
        from toolworthy.rules import RULES

        metafunc.parametrize("ruled", RULES, ids=[rule.code for rule in RULES], indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the ways of probes that the tier does not ask, and what the run that is gone on with did not select."""
    options = config.stash[_OPTIONS]
    kept = [item for item in items if _in_tier(item, options) and _in_run(item, options)]
    if options.selected is not None and not any(_name(item) for item in kept):
        suites = sorted({name.partition("/")[0].replace("rules", "wire") for name in options.selected})
        raise pytest.UsageError(f"{options.resume} has nothing of this: it is a run of {', '.join(suites)}")
    left = set(map(id, kept))
    if out := [item for item in items if id(item) not in left]:
        config.hook.pytest_deselected(items=out)
        items[:] = kept


def _in_tier(item: pytest.Item, options: Options) -> bool:
    from toolworthy.work.probes import PROBES

    key = _params(item).get("probed")
    return key is None or key in PROBES[key.probe].ways(options.tier)


def _in_run(item: pytest.Item, options: Options) -> bool:
    return options.selected is None or _name(item) in {"", *options.selected}


def _name(item: pytest.Item) -> str:
    """What a run calls an item: by what it shows; empty for a test that needs nothing of the run."""
    params = _params(item)
    if "ruled" in params:
        return f"rules/{params['ruled'].code}"
    return next((str(params[name]) for name in ("trial", "probed", "case") if name in params), "")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Start everything selected at once, before the first item asks for its result, and show how it goes on."""
    config = session.config
    keys = [key for item in session.items for key in _keys(item)]
    names = tuple(name for item in session.items if (name := _name(item)))
    if config.option.collectonly or not (names or any(map(asks, session.items))):
        return (yield)
    from toolworthy.cli.live import shown

    reporter = config.pluginmanager.get_plugin("terminalreporter")
    with config.stash[_INTERRUPTS] as interrupts, shown(reporter, config.stash[_OPTIONS]) as listener:
        interrupts.check()
        if names and config.stash[_OPTIONS].selected is None:
            config.stash[_OPTIONS] = replace(config.stash[_OPTIONS], selected=names)
        _start(config, list(dict.fromkeys(keys)), listener)
        return (yield)


def _stopped(config: pytest.Config, by: str) -> BaseException:
    """What ends a run on a signal: with its report, and with pytest's exit code of an interrupted session."""
    running = config.stash.get(_SESSION, None)
    more = f"; go on with --resume {running.run.path}" if running and running.run else ""
    return _Stop(f"stopped by {by}{more}", pytest.ExitCode.INTERRUPTED)


class _Stop(pytest.exit.Exception, KeyboardInterrupt):  # type: ignore[name-defined, misc]
    """Goes through collectors, too, where an exit would only be what went wrong with one of them."""


def pytest_unconfigure(config: pytest.Config) -> None:
    """Signals are again what they were."""
    if interrupts := config.stash.get(_INTERRUPTS, None):
        interrupts.end()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a case's item the short way: pytest's own, with fixtures and capture, costs more than asking the case.

    The last one of a file goes pytest's way, which puts its own house in order.
    """
    if interrupts := item.config.stash.get(_INTERRUPTS, None):
        interrupts.check()
    if nextitem is None or nextitem.parent is not item.parent or not _is_lone_case(item):
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    key = cast("CaseKey", item.callspec.params["case"])
    found: list[CaseResult] = []
    if _report(item, "setup", lambda: found.append(_awaited(item.config, key))):
        _report(item, "call", lambda: item.obj(case=found[0]))
    _report(item, "teardown", lambda: None)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def _is_lone_case(item: pytest.Item) -> TypeGuard[pytest.Function]:
    """Whether an item needs nothing but the result of its case."""
    return (
        isinstance(item, pytest.Function)
        and "case" in item.fixturenames
        and not set(item.fixturenames) - {"case", "request"}
        and next(item.iter_markers(), None) is None
        and not item.config.option.usepdb
    )


def _report(item: pytest.Item, when: Literal["setup", "call", "teardown"], do: Callable[[], object]) -> bool:
    """Do one phase of an item and tell everyone how it went; whether it passed."""
    call = pytest.CallInfo.from_call(do, when, reraise=(pytest.exit.Exception, KeyboardInterrupt))
    report: pytest.TestReport = item.ihook.pytest_runtest_makereport(item=item, call=call)
    item.ihook.pytest_runtest_logreport(report=report)
    return report.passed


def _awaited(config: pytest.Config, key: Key) -> Any:
    """The result of `key`; what stops the run ends it here, in one line."""
    try:
        return config.stash[_SESSION].wait(key)
    except UserError as error:
        pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)


@pytest.fixture
def trial(request: pytest.FixtureRequest) -> TrialResult:
    """The result of this item's trial, once it is there."""
    result: TrialResult = _awaited(request.config, request.param)
    if result.status == "unmeasured":
        pytest.skip(f"unmeasured: {result.cause.detail if result.cause else ''}")
    if result.status == "error":
        detail = result.cause.detail if result.cause else "no detail"
        kind = result.cause.kind if result.cause else "infrastructure"
        pytest.fail(f"{kind}, not counted against the model: {detail}", pytrace=False)
    return result


@pytest.fixture
def probed(request: pytest.FixtureRequest) -> Callable[[], None]:
    """Settles this item by the verdict of its probe, once it is there."""
    result: ProbeResult = _awaited(request.config, request.param)
    return lambda: _settle(result)


def _settle(result: ProbeResult) -> None:
    """Turn a verdict into pytest's: what harms an agent fails; what is wrong and harms none is an expected failure."""
    from toolworthy.judgement.analysis.effects import affected

    if result.verdict == "unmeasured":
        pytest.skip(f"unmeasured: {result.detail}")
    if result.ok:
        return
    said = f"{result.verdict}: {result.detail}"
    if not affected(result, result.key.probe):
        pytest.xfail(f"{said} (harms no agent that we know)")
    again = f"\nagain: {result.reproduce}" if result.reproduce else ""
    pytest.fail(said + again, pytrace=False)


@pytest.fixture
def case(request: pytest.FixtureRequest) -> CaseResult:
    """What is said of this item's case, once it is there."""
    result: CaseResult = _awaited(request.config, request.param)
    return result


@pytest.fixture
def ruled(request: pytest.FixtureRequest) -> list[Finding]:
    """What this item's rule has found in all that the probes have asked."""
    from toolworthy.judgement.analysis.effects import affected
    from toolworthy.records.probe import ProbeKey

    keys = [key for key in _keys(request.node) if isinstance(key, ProbeKey)]
    running = request.config.stash[_SESSION]
    asked: list[ProbeResult] = [_awaited(request.config, key) for key in keys]
    findings = [finding for one in asked for finding in one.findings if finding.code == request.param.code]
    if findings and not any(affected(one, request.param.code) for one in asked if one.findings):
        pytest.xfail(f"{len(findings)} answers: {findings[0].detail} (harms no agent that we know)")
    if not findings and (missing := [running.unrun[one.key] for one in asked if one.key in running.unrun]):
        pytest.skip(f"unmeasured: {len(missing)} of {len(asked)} probes were not asked: {missing[0]}")
    return findings


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop what still runs, then write what a reader wants."""
    running = session.config.stash.get(_SESSION, None)
    if running is None:
        return
    running.close()
    if running.run is None or session.exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        return  # it did not come to its end: that is what its exit code says, whatever a gate would
    from toolworthy.judgement.analysis.outcome import outcome

    run = running.run
    session.exitstatus = session.exitstatus or outcome(run.results(), run.cases(), run.probes()).exit_code
    if session.config.option.baseline:
        from toolworthy.judgement.gate import answer

        looks = session.config.stash.get(_LOOKS, None)
        try:
            given = session.config.option
            gate = looks.gate if looks else answer.judge(given.baseline, run.path, given.gate)
        except UserError as error:
            pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)
        if gate is not None:
            session.exitstatus = answer.EXIT[gate.answer]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> None:
    """What a model or a server said is shown in a failure or a skip, and not obeyed by a terminal."""
    said = call.excinfo.value if call.excinfo else None
    if isinstance(said, (pytest.fail.Exception, pytest.skip.Exception)):
        said.msg = visible(said.msg)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> Generator[None, object, object]:
    """The verdict, in a screenful, below all that pytest has to say of single items."""
    told = yield
    running = config.stash.get(_SESSION, None)
    if running is not None and running.run is not None:
        from toolworthy.judgement.analysis.outcome import outcome
        from toolworthy.output.terminal.closing import WIDTH, gate_lines, summary_lines
        from toolworthy.output.write import write_report

        terminalreporter.write_sep("=", "toolworthy")
        width = terminalreporter._tw.fullwidth if terminalreporter.isatty else WIDTH
        try:
            # A user's own test may fail where nothing harms an agent: then the exit code is not the run's.
            ended = exitstatus == outcome(running.run.results(), running.run.cases(), running.run.probes()).exit_code
            for line in (*summary_lines(running.run, width, ended=ended), *gate_lines(running.run)):
                terminalreporter.write_line(line.text, **_MARKUP[line.tone])
            terminalreporter.write_line(f"report: {write_report(running.run).html}")
        except UserError as error:
            terminalreporter.write_line(f"no report: {error}", **_MARKUP["bad"])
            if exitstatus == pytest.ExitCode.OK and terminalreporter._session is not None:
                terminalreporter._session.exitstatus = pytest.ExitCode.USAGE_ERROR
    return told


def _check_alone(config: pytest.Config) -> None:
    """Workers of pytest-xdist would each make a run of their own, and ask everything again for its rules."""
    if getattr(config.option, "dist", "no") != "no":  # what -n, -n auto, -d and --dist come to
        raise UserError("-n is not needed: one session runs everything concurrently (--concurrency N); leave it out")


def _check_gate(config: pytest.Config) -> None:
    """A mistake about the gate is said before anything is measured."""
    if config.option.gate and not config.option.baseline:
        raise UserError("--gate says how to compare; --baseline RUN says with what")
    if config.stash[_OPTIONS].until_decided:
        from toolworthy.judgement.gate import looks

        looks.check(config.stash[_OPTIONS], config.option.baseline)
    if config.option.baseline:
        from toolworthy.judgement.gate.baseline import load
        from toolworthy.judgement.gate.policy import load_policy

        load(config.option.baseline)
        load_policy(config.option.gate)


def _keys(item: pytest.Item) -> list[Key]:
    """What an item needs to be run: a rule's needs all that provokes it."""
    params = _params(item)
    if "ruled" in params:
        from toolworthy.work.probes import load_suite

        tier = item.config.stash[_OPTIONS].tier
        return [key for probe in load_suite().values() for key in probe.ways(tier)]
    return [params[name] for name in ("trial", "probed", "case") if name in params]


def _params(item: pytest.Item) -> dict[str, Any]:
    """What an item is parametrized with."""
    return dict(item.callspec.params) if hasattr(item, "callspec") else {}


def _start(config: pytest.Config, keys: Sequence[Key], listener: Listener) -> None:
    from toolworthy.work.run.session import Session

    if (options := config.stash[_OPTIONS]).until_decided:
        from toolworthy.judgement.gate.looks import Looks

        config.stash[_LOOKS] = Looks(config.option.baseline, config.option.gate, options.trials, listener.line)
    running = Session(options, listener, config.stash.get(_LOOKS, None))
    config.stash[_SESSION] = running
    try:
        running.start(keys)
    except UserError as error:
        running.close()
        del config.stash[_SESSION]  # nothing was measured: there is no verdict to tell
        pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)
