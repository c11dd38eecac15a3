"""The live display of a run in pytest's own output: redrawn lines, or one line per minute.

Only pytest's main thread writes pytest's output, but trials run on another, and while a test waits for its own, pytest
has put its capture in place of the terminal. So during the run, the reporter writes to our file, which bypasses the
capture. Drawing changes no state of the terminal (no hidden cursor, no alternate screen): a killed run leaves the
terminal usable.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TextIO

from toolworthy.base.sanitize import one_line, show
from toolworthy.output.terminal.columns import cut
from toolworthy.output.terminal.progress import Progress, TextProgress
from toolworthy.work.run.observer import Listener
from toolworthy.work.run.plan import Options

if TYPE_CHECKING:
    import pytest

DRAW_SECONDS = 0.25
PLAIN_SECONDS = 60.0
SOON_SECONDS = 15.0
_LEFT_FREE = 4
"""Lines of a terminal that are kept for earlier output."""
_USUAL = os.terminal_size((80, 24))
_STYLE = re.compile(r"\x1b\[[0-9;]*m")


@contextlib.contextmanager
def shown(reporter: pytest.TerminalReporter | None, options: Options) -> Iterator[Listener]:
    """A listener that shows a run in `reporter`'s output until the block ends."""
    if reporter is None:
        yield Listener()
        return
    reporter.ensure_newline()
    with _past_the_capture(reporter) as file:
        if can_draw(reporter):
            screen = Screen(file)
            live = Live(options, screen, reporter)
            with _instead(reporter, screen), screen.drawing(live.lines), _every(DRAW_SECONDS, screen.draw):
                yield live
        else:
            lines = Lines(options, reporter, file)
            with _instead(reporter, file), _every(PLAIN_SECONDS, lines.tell):
                yield lines


@contextlib.contextmanager
def shown_on(file: TextIO, options: Options) -> Iterator[Listener]:
    """The same for a command without pytest, on a file to which it writes nothing else meanwhile."""
    if file.isatty() and _draws(os.environ):
        screen = Screen(file)
        live = Live(options, screen)
        with screen.drawing(live.lines), _every(DRAW_SECONDS, screen.draw):
            yield live
    else:
        plain = TextProgress(options, lambda line: show(line, file))
        with _every(SOON_SECONDS, lambda: plain.line(plain.plain())):
            yield plain


def can_draw(reporter: pytest.TerminalReporter) -> bool:
    """Whether redrawn lines are visible: not if output is captured or a debugger runs."""
    option = reporter.config.option
    plain = option.usepdb or option.trace or not reporter.hasmarkup  # NO_COLOR, PY_COLORS=0, --color=no
    return bool(reporter.isatty and not plain and _draws(os.environ))


def _draws(environ: Mapping[str, str]) -> bool:
    return environ.get("TERM", "dumb") not in ("dumb", "unknown") and not environ.get("CI")


class Lines(Progress):
    """Output without redrawing: lines of the session, and occasional progress."""

    def __init__(self, options: Options, reporter: pytest.TerminalReporter, file: TextIO) -> None:
        super().__init__(options)
        self._reporter, self._file = reporter, file

    def line(self, text: str) -> None:
        """Write one line."""
        self._reporter.ensure_newline()
        if self._reporter._tw.width_of_current_line:  # dots of -q, which ensure_newline does not know
            self._reporter.write_line("")
        self._reporter.write_line(one_line(text))
        self._reporter.flush()

    def agrees(self, question: str) -> bool:
        """Ask the user at the terminal, if there is one."""
        return _answer(question, self._reporter, self._file)

    def tell(self) -> None:
        """Write the progress."""
        self.line(self.plain())


class Live(Progress):
    """Output with redrawn lines."""

    def __init__(self, options: Options, screen: Screen, reporter: pytest.TerminalReporter | None = None) -> None:
        super().__init__(options)
        self._screen, self._reporter = screen, reporter

    def agrees(self, question: str) -> bool:
        """Ask the user at the terminal of a pytest run."""
        if self._reporter is None:
            return True
        with self._screen.held() as file:
            return _answer(question, self._reporter, file)

    def line(self, text: str) -> None:
        """Show one line above the redrawn lines."""
        self._screen.line(one_line(text))


class Screen:
    """A file for pytest's output, above lines that are redrawn.

    Written text is only buffered, so that no writer waits for the terminal; only `draw` writes to it. A line that
    pytest has begun and not ended is drawn first.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._noted: deque[tuple[str, bool]] = deque()
        """Buffered texts, and whether they are whole lines of the session."""
        self._begun = ""
        self._lines: list[str] = []
        self._make: Callable[[int, int], list[str]] | None = None
        """Returns the lines to draw, for a width and a height."""
        self._lock = threading.Lock()

    def write(self, text: str) -> int:
        """Buffer pytest's output."""
        self._noted.append((text, False))
        return len(text)

    def line(self, text: str) -> None:
        """Buffer a line from elsewhere."""
        self._noted.append((f"{text}\n", True))

    def flush(self) -> None:
        """Does nothing: `draw` writes."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    @contextlib.contextmanager
    def drawing(self, make: Callable[[int, int], list[str]]) -> Iterator[None]:
        """Let `draw` show the lines of `make` until the block ends; pytest's output stays as usual."""
        self._make = make
        try:
            yield
        finally:
            with self._lock:
                self._make = None
                self._draw([])

    @contextlib.contextmanager
    def held(self) -> Iterator[TextIO]:
        """Write the buffer, and draw nothing until the block ends: the caller uses the file."""
        with self._lock:
            self._draw([])
            make, self._make = self._make, None
        try:
            yield self._file
        finally:
            self._make = make

    def draw(self) -> None:
        """Write the buffer, and redraw the lines."""
        with self._lock:
            if self._make is not None:
                width, height = self._size()
                self._draw(self._make(width, height - 1))

    def _draw(self, lines: list[str]) -> None:
        above = self._take()
        if self._begun:
            lines = [self._begun if not lines else _fitting(self._begun, self._size()[0]), *lines]
        if not above and lines == self._lines:
            return
        up = f"\x1b[{len(self._lines) - 1}A" if len(self._lines) > 1 else ""
        clear = f"\r{up}\x1b[J" if self._lines else ""
        self._lines = lines
        with contextlib.suppress(OSError):  # the terminal is gone; the run continues
            self._file.write(clear + above + "\n".join(lines))
            self._file.flush()

    def _take(self) -> str:
        """The buffered whole lines."""
        above = ""
        while self._noted:
            text, whole = self._noted.popleft()
            if whole:
                above += text
            else:
                ended, newline, self._begun = (self._begun + text).rpartition("\n")
                above += ended + newline
        return above

    def _size(self) -> tuple[int, int]:
        """Columns and lines to draw in; the last column stays free, because terminals differ there."""
        try:
            size = os.get_terminal_size(self._file.fileno())
        except OSError:
            size = _USUAL
        columns, lines = size if size.columns and size.lines else _USUAL
        return columns - 1, max(2, lines - _LEFT_FREE)


def _fitting(text: str, width: int) -> str:
    """An unfinished line with its styles, cut to the available width."""
    plain = _STYLE.sub("", text)
    return text if cut(plain, width) == plain else cut(plain, width)


def _answer(question: str, reporter: pytest.TerminalReporter, file: TextIO) -> bool:
    """Whether the user answers yes; true if standard input is not a terminal. Suspends pytest's capture."""
    capture = reporter.config.pluginmanager.getplugin("capturemanager")
    if capture is not None:
        capture.suspend_global_capture(in_=True)
    try:
        if not (sys.stdin.isatty() and file.isatty()):
            return True
        file.write(question)
        file.flush()
        return sys.stdin.readline().strip().lower() in ("y", "yes")
    finally:
        if capture is not None:
            capture.resume_global_capture()


@contextlib.contextmanager
def _past_the_capture(reporter: pytest.TerminalReporter) -> Iterator[TextIO]:
    """The file of `reporter`, duplicated so that the capture does not close it; the file itself without capture."""
    file: TextIO = reporter._tw._file
    file.flush()
    try:
        copy = os.dup(file.fileno())
    except OSError:
        yield file
        return
    with os.fdopen(copy, "w", buffering=1, encoding=file.encoding, errors="backslashreplace") as own:
        yield own


@contextlib.contextmanager
def _instead(reporter: pytest.TerminalReporter, file: Any) -> Iterator[None]:
    """Redirect `reporter` to `file`; without capture, also the tests' own output."""
    before = reporter._tw._file
    reporter._tw._file = file
    try:
        with contextlib.redirect_stdout(file) if sys.stdout is before else contextlib.nullcontext():
            yield
    finally:
        reporter._tw._file = before


@contextlib.contextmanager
def _every(seconds: float, do: Callable[[], None]) -> Iterator[None]:
    """Call a function regularly on its own thread."""
    over = threading.Event()

    def run() -> None:
        while not over.wait(seconds):
            do()

    thread = threading.Thread(target=run, name="toolworthy-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=1)
