"""Hooks of pytest for `toolworthy run`: names of suites, and one-line errors."""

from __future__ import annotations

import argparse
import io
from collections.abc import Generator
from pathlib import Path

import pytest

from toolworthy import content
from toolworthy.base.errors import ToolworthyError
from toolworthy.base.nearest import closest
from toolworthy.cli._parser import plain
from toolworthy.cli.options import OPTIONS
from toolworthy.work.kinds import suites

PROGRAM = "toolworthy run"
_PYTEST = (
    "--collect-only",
    "--exitfirst",
    "--junitxml",
    "--maxfail",
    "--tb",
    "--verbose",
    "--quiet",
    "--help",
    "--help-pytest",
)
"""pytest's options that are useful for suites."""
_CHOSEN = {"-k": "keyword", "-m": "markexpr"}
"""Options that select items, and where pytest stores their values."""


class _Word(str):
    """An argument, compared by identity: of two equal arguments, one may be an option's value and the other a suite."""

    __slots__ = ()


class RunHooks:
    """A plugin of pytest.

    Raises:
        ToolworthyError: from its hooks, and so from `pytest.main`: an error in the command line or the run.
    """

    def __init__(self) -> None:
        self._stopped: BaseException | None = None

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Change the exit code: pytest's own is also the gate's."""
        self._stopped = excinfo.value

    def pytest_addoption(self, parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
        """Register our options before anything is parsed."""
        self._parser = parser
        parser.prog = PROGRAM
        pluginmanager.import_plugin("toolworthy.plugin")

    @pytest.hookimpl(wrapper=True)
    def pytest_cmdline_parse(self, args: list[str]) -> Generator[None, pytest.Config, pytest.Config]:
        """Replace names of suites by paths, unless they are an option's value."""
        try:
            self._name_paths(args)
            return (yield)
        except pytest.UsageError as error:
            raise ToolworthyError(self._error_line(args, error)) from None

    @pytest.hookimpl(wrapper=True)
    def pytest_cmdline_main(self, config: pytest.Config) -> Generator[None, object, object]:
        """Report a user's mistake in one line, also if nothing is selected."""
        try:
            code = yield
        except pytest.UsageError as error:
            raise ToolworthyError(str(error)) from None
        if code == pytest.ExitCode.NO_TESTS_COLLECTED:
            chosen = [f"{name} {value!r}" for name, at in _CHOSEN.items() if (value := getattr(config.option, at))]
            by = f" by {' and '.join(chosen)}" if chosen else ""
            raise ToolworthyError(f"nothing is selected{by}. `--collect-only -q` lists what there is.")
        if self._stopped and code == pytest.ExitCode.INTERRUPTED:  # before the session began
            raise self._stopped
        return code

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> Generator[None, object, object]:
        """Omit pytest's header (platform, rootdir, plugins), which would precede an error."""
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is None:
            return (yield)
        file, reporter._tw._file = reporter._tw._file, io.StringIO()
        try:
            return (yield)
        finally:
            reporter._tw._file = file

    def _name_paths(self, args: list[str]) -> None:
        words = [_Word(word) for word in args]
        named, unknown = self._parser.parse_known_and_unknown_args(words)
        names = suites()
        places = [index for index, word in enumerate(words) if any(word is one for one in named.file_or_dir)]
        for index in places:
            word = args[index]
            if word in names:
                own = content.SUITES / word
                args[index] = str(own if own.is_dir() else content.SUITES / "kinds.py")
                args.extend(() if own.is_dir() else (f"--kind={word}",))
            elif not (
                Path(word.partition("::")[0]).exists() or unknown or named.pyargs
            ):  # or an unknown option's value
                hint = closest(word, names) or "."
                raise ToolworthyError(
                    f"{word!r} is neither a suite nor a file{hint} The suites are {', '.join(names)}."
                )
        if not places:
            args.append(str(content.SUITES))

    def _error_line(self, args: list[str], error: pytest.UsageError) -> str:
        """pytest's error as one line, without usage and the path of its configuration."""
        try:
            _, unknown = self._parser.parse_known_and_unknown_args(args)
        except pytest.UsageError:
            unknown = []
        names = [name for name, how in OPTIONS.items() if how["help"] != argparse.SUPPRESS]
        if unknown:
            name = unknown[0].partition("=")[0]
            message = f"unknown option {name}{closest(name, [*names, *_PYTEST]) or '.'}"
        elif problem := str(error).partition(": error: ")[2]:
            message = plain(problem.splitlines()[0])
        else:
            return str(error)
        return f"{message} `{PROGRAM} --help` shows the options."
