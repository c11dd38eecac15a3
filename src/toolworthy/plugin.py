"""The pytest plugin: options, and trials, cases and probes that run concurrently while pytest's items wait for them.

Loaded by ``suites/pytest.toml`` or ``-p toolworthy.plugin``, never by an entry point: other pytest runs do not change.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeGuard

import pytest

from toolworthy.base.counted import counted
from toolworthy.base.errors import ToolworthyError
from toolworthy.base.sanitize import show, visible
from toolworthy.cli.fixtures import ENDED as _ENDED
from toolworthy.cli.fixtures import OPTIONS as _OPTIONS
from toolworthy.cli.fixtures import SESSION as _SESSION
from toolworthy.cli.fixtures import ask as ask
from toolworthy.cli.fixtures import asks, end
from toolworthy.cli.fixtures import endpoint as endpoint
from toolworthy.cli.fixtures import pytest_pyfunc_call as pytest_pyfunc_call
from toolworthy.cli.fixtures import reference_server as reference_server
from toolworthy.cli.interrupt import Interrupts
from toolworthy.cli.options import check_alone
from toolworthy.cli.options import pytest_addoption as pytest_addoption
from toolworthy.cli.stop import STOPPED, StoppedBySignal

if TYPE_CHECKING:
    from toolworthy.judgement.gate.interim import InterimAnalyses
    from toolworthy.output.terminal.final_screen import Tone
    from toolworthy.records.finding import Finding
    from toolworthy.records.probe import ProbeResult
    from toolworthy.records.result import Result, ResultKey
    from toolworthy.work.kind import ItemOutcome, Kind
    from toolworthy.work.run.observer import Listener

_INTERRUPTS = pytest.StashKey[Interrupts]()
_LOOKS: pytest.StashKey[InterimAnalyses] = pytest.StashKey()
_MARKUP: dict[Tone, dict[str, bool]] = {"good": {"green": True}, "fair": {"yellow": True}, "bad": {"red": True}, "": {}}


def pytest_configure(config: pytest.Config) -> None:
    """Read the options once; a mistake ends the run here, in one line."""
    from toolworthy.endpoint.plugins import load_plugins
    from toolworthy.work.probes import load_suite
    from toolworthy.work.run.merge_options import read_options

    if config.option.help or config.option.version:
        return
    interrupts = config.stash[_INTERRUPTS] = Interrupts(partial(_stopped, config))
    interrupts.begin()
    try:
        check_alone(config)
        if load_plugins(config.invocation_params.dir):
            load_suite()  # first, so that for a user's probe with a built-in name the user's file is reported
        config.stash[_OPTIONS] = read_options(config.option, config.invocation_params.dir)
        _check_gate(config)
    except ToolworthyError as error:
        raise pytest.UsageError(str(error)) from None
    except _Stop:  # before a session has begun pytest would name the class
        del config.stash[_ENDED]
        raise StoppedBySignal(interrupts.by) from None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one pytest item per trial, case, probe and mode, rule, and item of a registered kind of work."""
    from toolworthy.work.kinds import KINDS

    plan = metafunc.config.stash[_OPTIONS]
    for kind in KINDS.values():
        if kind.fixture in metafunc.fixturenames:
            keys = kind.items(plan, metafunc.function)
            ids = [kind.label(key, plan.trials > 1) for key in keys]
            metafunc.parametrize(kind.fixture, keys, ids=ids, indirect=True)
    if "settle" in metafunc.fixturenames:
        every = [key for suite in metafunc.config.option.kind for key in KINDS[suite].keys(plan)]
        ids = [KINDS[key.suite].label(key, plan.trials > 1) for key in every]
        metafunc.parametrize("settle", every, ids=ids, indirect=True)
    if "ruled" in metafunc.fixturenames:
        from toolworthy.rules import RULES

        metafunc.parametrize("ruled", RULES, ids=[rule.code for rule in RULES], indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect probes outside the tier, and what a resumed run did not select."""
    options = config.stash[_OPTIONS]
    planned = [item for item in items if all(kind.planned(options, key) for kind, key in _work(item))]
    kept = [entry for entry in planned if options.selected is None or _name(entry) in {"", *options.selected}]
    if options.selected is not None and not any(_name(item) for item in kept):
        suites = sorted({name.partition("/")[0].replace("rules", "wire") for name in options.selected})
        raise pytest.UsageError(f"{options.resume} has nothing of this: it is a run of {', '.join(suites)}")
    kept_ids = set(map(id, kept))
    if out := [item for item in items if id(item) not in kept_ids]:
        config.hook.pytest_deselected(items=out)
        items[:] = kept


def _name(item: pytest.Item) -> str:
    """The name of an item in a run; empty for a test that needs no results."""
    params = _params(item)
    if "ruled" in params:
        return f"rules/{params['ruled'].code}"
    return next((str(key) for _, key in _work(item)), "")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Start all selected work before the first item waits for its result, and show progress."""
    config = session.config
    provoking = _provoking(config) if any("ruled" in _params(item) for item in session.items) else []
    keys = [*(key for item in session.items for _, key in _work(item)), *provoking]
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
        ran = yield
        from toolworthy.cli.known import excuse

        excuse(session, config.stash[_SESSION].run, lambda item: [key for _, key in _work(item)])
        return ran


def _stopped(config: pytest.Config, by: str) -> BaseException:
    """The exception that ends a run on a signal, with its report."""
    running = config.stash.get(_SESSION, None)
    more = f". Continue with `toolworthy run --resume {running.run.path}`." if running and running.run else ""
    config.stash[_ENDED] = f"stopped by {by}{more}"
    return _Stop(config.stash[_ENDED], pytest.ExitCode.USAGE_ERROR)


class _Stop(pytest.exit.Exception, KeyboardInterrupt):  # type: ignore[name-defined, misc]
    """An exception that collectors do not catch, unlike SystemExit."""


@pytest.hookimpl(tryfirst=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Restore the signal handlers, and print why the run ended early as the last line."""
    if interrupts := config.stash.get(_INTERRUPTS, None):
        interrupts.end()
    if ended := config.stash.get(_ENDED, ""):
        if reporter := config.pluginmanager.get_plugin("terminalreporter"):
            reporter._keyboardinterrupt_memo = None  # pytest would print the same between exclamation marks
        show(ended, sys.stderr)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a quick item directly: pytest's fixtures and capture would cost more than the case itself.

    The last item of a file uses pytest's own protocol, for its teardown.
    """
    if interrupts := item.config.stash.get(_INTERRUPTS, None):
        interrupts.check()
    if nextitem is None or nextitem.parent is not item.parent or not _is_lone(item):
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    [(kind, key)] = _work(item)
    fixtures: dict[str, Any] = {}
    if _report(item, "setup", lambda: fixtures.update({kind.fixture: _given(item.config, kind, key)})):
        _report(item, "call", lambda: item.obj(**fixtures))
    _report(item, "teardown", lambda: None)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def _is_lone(item: pytest.Item) -> TypeGuard[pytest.Function]:
    """Whether an item needs only one quick result."""
    return (
        isinstance(item, pytest.Function)
        and {kind.fixture for kind, _ in _work(item)} == set(item.fixturenames) - {"request"} != set()
        and all(kind.quick for kind, _ in _work(item))
        and next(item.iter_markers(), None) is None
        and not item.config.option.usepdb
    )


def _report(item: pytest.Item, when: Literal["setup", "call", "teardown"], do: Callable[[], object]) -> bool:
    """Run one phase of an item and report it. Returns whether it passed."""
    call = pytest.CallInfo.from_call(do, when, reraise=(pytest.exit.Exception, KeyboardInterrupt))
    report: pytest.TestReport = item.ihook.pytest_runtest_makereport(item=item, call=call)
    item.ihook.pytest_runtest_logreport(report=report)
    return report.passed


def _awaited(config: pytest.Config, key: ResultKey) -> Any:
    """The result of `key`; an error of the run ends it here, in one line."""
    try:
        return config.stash[_SESSION].wait(key)
    except ToolworthyError as error:
        end(config, error)


def _given(config: pytest.Config, kind: Kind[Any, Any], key: ResultKey) -> Any:
    """The value of the fixture: the result, if measured, or a function that passes or fails according to it."""
    result = _awaited(config, key)
    outcome = kind.outcome_of(result)
    if kind.settles:
        return lambda: _settle(outcome, result)
    if outcome.status in ("skipped", "error"):
        _settle(outcome, result)
    return result


def _settle(outcome: ItemOutcome, result: Result) -> None:
    """Turn an outcome into pytest's: a harmless failure is an expected failure."""
    match outcome.status:
        case "skipped":
            pytest.skip(outcome.message)
        case "harmless":
            pytest.xfail(f"{outcome.message} (harms no known agent)")
        case "error":
            pytest.fail(f"{outcome.kind}, {outcome.message}", pytrace=False)
        case "failure":
            again = f"\nagain: {result.reproduce}" if result.reproduce else ""
            pytest.fail(outcome.message + again, pytrace=False)


def fixture(suite: str, name: str) -> Any:
    """Make the fixture of a kind of work: it waits for the result of an item.

    Args:
        suite: of the kind.
        name: what tests ask for.
    """

    def wait(request: pytest.FixtureRequest) -> Any:
        from toolworthy.work.kinds import KINDS

        return _given(request.config, KINDS[suite], request.param)

    return pytest.fixture(name=name)(wait)


@pytest.fixture
def settle(request: pytest.FixtureRequest) -> Callable[[], None]:
    """A function that passes or fails according to an item's result, for any kind of work."""
    from toolworthy.work.kinds import kind_of

    kind, result = kind_of(request.param), _awaited(request.config, request.param)
    return lambda: _settle(kind.outcome_of(result), result)


trial, case, probed = fixture("tasks", "trial"), fixture("tools", "case"), fixture("wire", "probed")


@pytest.fixture(scope="session")
def _probed(request: pytest.FixtureRequest) -> list[ProbeResult]:
    """The results of all items whose responses are judged by rules, once all are finished."""
    return [_awaited(request.config, key) for key in _provoking(request.config)]


@pytest.fixture
def ruled(request: pytest.FixtureRequest, _probed: list[ProbeResult]) -> list[Finding]:
    """The findings of this item's rule in all probes."""
    from toolworthy.work.probes.effects import affected

    unrun = request.config.stash[_SESSION].unrun
    findings = [finding for probe in _probed for finding in probe.findings if finding.code == request.param.code]
    if findings and not any(affected(probe, request.param.code) for probe in _probed if probe.findings):
        pytest.xfail(f"{counted(len(findings), 'finding')}: {findings[0].detail} (harms no known agent)")
    if not findings and (missing := [unrun[probe.key] for probe in _probed if probe.key in unrun]):
        pytest.skip(f"unmeasured: {len(missing)} of {len(_probed)} probes were not run: {missing[0]}")
    return findings


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop what still runs, then set the exit code."""
    ended, running = session.config.stash.get(_ENDED, ""), session.config.stash.get(_SESSION, None)
    if ended and session.config.stash[_INTERRUPTS].by:
        session.exitstatus = STOPPED
    elif session.exitstatus == pytest.ExitCode.INTERRUPTED:  # files that cannot be collected; 2 is a gate's
        session.exitstatus = pytest.ExitCode.USAGE_ERROR
    if running is None:
        return
    running.close()
    if running.run is None or session.exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        return  # it was cut short: that decides the exit code, whatever the gate
    from toolworthy.judgement.analysis.outcome import outcome

    run = running.run
    session.exitstatus = session.exitstatus or outcome(run).exit_code
    if session.config.option.baseline:
        from toolworthy.judgement.gate import answer

        looks = session.config.stash.get(_LOOKS, None)
        try:
            options = session.config.option
            gate = looks.gate if looks else answer.judge(options.baseline, run.path, options.gate)
        except ToolworthyError as error:
            session.config.stash[_ENDED] = f"error: {error}"
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
            return
        if gate is not None:
            session.exitstatus = answer.EXIT[gate.answer]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> None:
    """Sanitize text of models and servers in failures and skips, so that a terminal does not interpret it."""
    exception = call.excinfo.value if call.excinfo else None
    if isinstance(exception, (pytest.fail.Exception, pytest.skip.Exception)):
        exception.msg = visible(exception.msg)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> Generator[None, object, object]:
    """Print the verdict below pytest's own report."""
    summary = yield
    running = config.stash.get(_SESSION, None)
    if running is not None and running.run is not None:
        from toolworthy.judgement.analysis.outcome import outcome
        from toolworthy.output.terminal.final_screen import WIDTH, gate_lines, next_step, summary_lines
        from toolworthy.output.write import write_report

        terminalreporter.write_sep("=", "toolworthy")
        width = terminalreporter._tw.fullwidth if terminalreporter.isatty else WIDTH
        try:
            # A user's own test may fail although nothing harms an agent: then the exit code is not the run's.
            ended = exitstatus in (pytest.ExitCode.OK, outcome(running.run).exit_code)
            for line in (*summary_lines(running.run, width, ended=ended), *gate_lines(running.run)):
                terminalreporter.write_line(line.text, **_MARKUP[line.tone])
            terminalreporter.write_line(f"report: {write_report(running.run)}")
            if ended:
                terminalreporter.write_line(f"next: {next_step(running.run)}")
        except ToolworthyError as error:
            terminalreporter.write_line(f"no report: {error}", **_MARKUP["bad"])
            if exitstatus == pytest.ExitCode.OK and terminalreporter._session is not None:
                terminalreporter._session.exitstatus = pytest.ExitCode.USAGE_ERROR
    return summary


def _check_gate(config: pytest.Config) -> None:
    """Report mistakes in the gate's options before anything is measured."""
    if config.option.gate and not config.option.baseline:
        raise ToolworthyError("--gate needs something to compare with. Give --baseline RUN.")
    if config.stash[_OPTIONS].until_decided:
        from toolworthy.judgement.gate import interim as looks

        looks.check(config.stash[_OPTIONS], config.option.baseline)
    if config.option.baseline:
        from toolworthy.judgement.gate.baseline import load
        from toolworthy.judgement.gate.policy import load_policy

        load(config.option.baseline)
        load_policy(config.option.gate)


def _provoking(config: pytest.Config) -> Sequence[ResultKey]:
    """The items whose responses are judged by rules."""
    from toolworthy.work.kinds import KINDS

    return KINDS["wire"].keys(config.stash[_OPTIONS])


def _work(item: pytest.Item) -> list[tuple[Kind[Any, Any], ResultKey]]:
    """The kind and key of each result that a test asks for."""
    from toolworthy.work.kinds import KINDS

    params = _params(item)
    own = [(KINDS[params["settle"].suite], params["settle"])] if "settle" in params else []
    return [*own, *((kind, params[kind.fixture]) for kind in KINDS.values() if kind.fixture in params)]


def _params(item: pytest.Item) -> dict[str, Any]:
    """The parameters of an item."""
    return dict(item.callspec.params) if hasattr(item, "callspec") else {}


def _start(config: pytest.Config, keys: Sequence[ResultKey], listener: Listener) -> None:
    from toolworthy.work.run.session import Session

    if (options := config.stash[_OPTIONS]).until_decided:
        from toolworthy.judgement.gate.interim import InterimAnalyses

        config.stash[_LOOKS] = InterimAnalyses(
            config.option.baseline, config.option.gate, options.trials, listener.line
        )
    running = Session(options, listener, config.stash.get(_LOOKS, None))
    config.stash[_SESSION] = running
    try:
        running.start(keys)
    except ToolworthyError as error:
        running.close()
        del config.stash[_SESSION]  # nothing was measured: there is no verdict
        end(config, error)
