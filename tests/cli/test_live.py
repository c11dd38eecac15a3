"""A run on a terminal, on a real pseudo-terminal: what is drawn while it goes on, and what stays when it is over."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.commands import environment, only_run, results, suites
from toolworthy import content
from toolworthy.cli.live import Screen, can_draw

pytestmark = pytest.mark.process

_DRAWN = re.compile(r"(?=\r(?:\x1b\[\d+A)?\x1b\[J)")
"""How drawing again begins."""
_KNOWN = re.compile(r"\x1b\[(\d*)A|\x1b\[J|\x1b\[[\d;]*m|\r|\n|[^\x1b\r\n]+")


@dataclass
class Glass:
    """What a terminal shows, of the few sequences that are used here; any other is a mistake."""

    rows: list[str] = field(default_factory=lambda: [""])
    y: int = 0
    x: int = 0

    def feed(self, text: str) -> None:
        at = 0
        while at < len(text):
            found = _KNOWN.match(text, at)
            assert found, f"an unknown sequence: {text[at : at + 20]!r}"
            self._obey(found)
            at = found.end()

    def _obey(self, found: re.Match[str]) -> None:
        mark = found[0]
        if mark == "\r":
            self.x = 0
        elif mark == "\n":
            self.y += 1
            self.rows += [""] * (self.y + 1 - len(self.rows))
        elif found[1] is not None:
            assert self.y >= int(found[1] or 1), "up, out of what was drawn"
            self.y -= int(found[1] or 1)
        elif mark == "\x1b[J":
            self.rows[self.y] = self.rows[self.y][: self.x]
            del self.rows[self.y + 1 :]
        elif not mark.startswith("\x1b"):
            row = self.rows[self.y].ljust(self.x)
            self.rows[self.y] = row[: self.x] + mark + row[self.x + len(mark) :]
            self.x += len(mark)


@dataclass
class Watched:
    """A run on a terminal."""

    code: int
    text: str
    """All that was written."""
    columns: int
    same_settings: bool
    """Whether the terminal's settings were left as they were found."""

    def frames(self) -> list[str]:
        """What stood on the terminal before each time that it was drawn again, and at the end."""
        glass, shown = Glass(), []
        for piece in _DRAWN.split(self.text):
            glass.feed(piece)
            shown.append("\n".join(row.rstrip() for row in glass.rows))
        return shown


def watch(
    *arguments: str,
    cwd: Path,
    size: tuple[int, int] = (100, 30),
    env: dict[str, str] | None = None,
    act: Callable[[int, str], None] = lambda fd, text: None,
) -> Watched:
    """`python -m …` on a pseudo-terminal of `size`, which it controls; `act` is told of all that came so far."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    before = termios.tcgetattr(theirs)
    child = subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=cwd,
        env=environment({"TERM": "xterm-256color", **(env or {})}),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=take_terminal,
    )
    came, latest = b"", time.monotonic() + 240
    try:
        while select.select([ours], [], [], 0.1)[0] or child.poll() is None:
            assert time.monotonic() < latest, came[-2_000:]
            if select.select([ours], [], [], 0)[0]:
                came += os.read(ours, 65_536)
                act(ours, came.decode(errors="replace"))
        return Watched(child.returncode, came.decode(), size[0], termios.tcgetattr(theirs) == before)
    finally:
        child.kill()
        child.wait()
        os.close(ours)
        os.close(theirs)


def take_terminal() -> None:
    """In the child: let the terminal's Ctrl-C reach it, even where this test's own parent ignores it."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def tasks(*arguments: str) -> list[str]:
    """`pytest suites/tasks` with some that are soon done."""
    return ["pytest", str(content.SUITES / "tasks"), "--task", "fix-failing-test", "--task", "rename-api", *arguments]


ROW = re.compile(
    r"^builtin  (fix-failing-test|rename-api|shell-pipeline) +turn \d+  (starting|asking|working|verifying) +\d:\d\d  ",
    re.M,
)
STATUS = re.compile(r"^\d:\d\d, ETA (–|\d+ s|\d+ min) · [0-3]/3 trials", re.M)


def test_running_trials_are_lines_below_pytests_own(tmp_path: Path) -> None:
    done = watch(*tasks("--task", "shell-pipeline"), cwd=tmp_path)  # two at a time
    assert done.code == 0, done.text
    frames = done.frames()
    begun = [frame for frame in frames if "test_tasks.py" in frame]  # a busy machine draws before pytest's first item
    both = [frame for frame in begun if len(ROW.findall(frame)) == 2]
    assert both
    assert any(re.search(r"  turn [1-9]  working  ", frame) for frame in frames)
    told = re.compile(r"ETA (–|\d+ s|\d+ min) · ([12])/3 trials, \2 passed · \d+k tokens$")
    assert any(told.search(frame) for frame in frames)
    for frame in both:
        pytests, _, drawn = frame.partition("collected 3 items\n\n")
        assert pytests.lstrip("\n").startswith("=====")
        lines = drawn.splitlines()
        assert "test_tasks.py" in lines[0]
        assert ROW.match(lines[1])
        assert ROW.match(lines[2])
        assert STATUS.match(lines[3])
        assert len(lines) == 4


def test_nothing_of_it_stays(tmp_path: Path) -> None:
    """At the end a terminal shows just what a file would hold, and is as it was."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    done = watch(*tasks("-v"), cwd=tmp_path / "a", size=(100, 50))
    plain = suites(
        "--task", "fix-failing-test", "--task", "rename-api", "-v", cwd=tmp_path / "b", env={"COLUMNS": "100"}
    )
    assert len(done.frames()) > 4
    assert without_chance(done.frames()[-1]) == without_chance(plain.stdout)
    assert not re.search(r"\x1b\[\?|\x1b[^\[]", done.text)  # no cursor hidden, no other screen, no mode
    assert done.same_settings
    assert "\x1b" not in plain.stdout
    assert "\x1b[32m  toolworthy's own loop: works · tasks 2/2" in done.text  # and the word says it, too


def without_chance(output: str) -> str:
    """Output without what differs from run to run."""
    for chance in (r"next: [^=]*", r"\d+\.\d+s( \(\S+\))?", r"report: .*", r"=+", r"collecting \.\.\. "):
        output = re.sub(chance, "", output)
    return "\n".join(line.rstrip() for line in output.strip().splitlines())


def test_ctrl_c_leaves_a_clean_terminal_and_what_was_measured(tmp_path: Path) -> None:
    pressed: list[str] = []

    def press(terminal: int, text: str) -> None:
        if not pressed and re.search(r" · [1-5]/10 trials", text):
            pressed.append(text)
            os.write(terminal, b"\x03")

    done = watch("pytest", str(content.SUITES / "tasks"), cwd=tmp_path, act=press)
    assert pressed
    assert done.code == 130
    left = done.frames()[-1]
    assert "stopped by Ctrl-C. Continue with `toolworthy run --resume " in left
    assert "toolworthy's own loop: works · tasks " in left
    assert " turn " not in left
    assert "ETA" not in left
    assert done.same_settings
    assert not re.search(r"\x1b\[\?|\x1b[^\[]", done.text)
    kept = [line for line in results(only_run(tmp_path)) if line["status"] == "passed"]
    assert 1 <= len(kept) < 10


def test_a_mistake_in_the_middle_leaves_a_clean_terminal(tmp_path: Path) -> None:
    (tmp_path / "breaks.py").write_text(
        "def pytest_runtest_logreport(report):\n    raise RuntimeError('a plugin broke')\n"
    )
    done = watch(*tasks("-p", "breaks"), cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)})
    assert done.code == pytest.ExitCode.INTERNAL_ERROR
    assert "RuntimeError: a plugin broke" in done.frames()[-1]
    assert any(ROW.search(frame) for frame in done.frames())
    assert " turn " not in done.frames()[-1]
    assert done.same_settings


def test_who_asks_for_plain_output_gets_it(tmp_path: Path) -> None:
    done = watch(*tasks(), cwd=tmp_path, env={"NO_COLOR": "1"})
    assert done.code == 0
    assert "\x1b" not in done.text
    assert "ETA" not in done.text


def test_what_a_test_prints_stands_above(tmp_path: Path) -> None:
    (tmp_path / "prints.py").write_text(
        "def pytest_runtest_setup(item):\n    print(f'\\nprinted before {item.name}')\n"
    )
    done = watch(*tasks("-s", "-p", "prints"), cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)})
    assert done.code == 0
    begun = [frame for frame in done.frames() if "printed before test_task[fix-" in frame]
    for frame in begun:
        assert "turn" not in frame or frame.index("turn") > frame.index("printed before test_task[fix-")
    assert any("turn" in frame for frame in begun)
    assert "\nprinted before test_task[rename-api-builtin]\n" in done.frames()[-1]


def test_a_narrow_terminal_is_never_wrapped(tmp_path: Path) -> None:
    done = watch(*tasks(), cwd=tmp_path, size=(40, 24))
    drawn = [line for frame in done.frames() for line in frame.splitlines() if line.startswith(("builtin  ", "0:"))]
    assert drawn
    assert max(map(len, drawn)) <= 39
    assert any(line.endswith("…") for line in drawn)


def test_where_lines_stay_there_is_one_from_time_to_time(tmp_path: Path) -> None:
    """Also while pytest captures what is written, which is nearly always."""
    (tmp_path / "soon.py").write_text("import toolworthy.cli.live\ntoolworthy.cli.live.PLAIN_SECONDS = 0.5\n")
    some = ["--task", "fix-failing-test", "--task", "rename-api", "-p", "soon"]
    done = suites(*some, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 0, done.stdout + done.stderr
    told = re.findall(r"^[012]/2 trials.*; \d:\d\d, ETA .*$", done.stdout, re.M)
    assert len(told) >= 2
    assert any(
        re.search(r"2 running: builtin \S+ turn \d+, builtin \S+ turn \d+; \d+k? tokens; ", line) for line in told
    )
    assert "\x1b" not in done.stdout
    assert "ETA" not in suites(*some[:4], cwd=tmp_path).stdout  # a short run is as it ever was


def test_nothing_is_drawn_where_nobody_looks_or_output_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def drawn(env: dict[str, str], isatty: bool = True, hasmarkup: bool = True, usepdb: bool = False) -> bool:
        monkeypatch.setattr(os, "environ", env)
        option = SimpleNamespace(usepdb=usepdb, trace=False)
        made: Any = SimpleNamespace(isatty=isatty, hasmarkup=hasmarkup, config=SimpleNamespace(option=option))
        return can_draw(made)

    assert drawn({"TERM": "xterm"})
    assert not drawn({})
    assert not drawn({"TERM": "dumb"})
    assert not drawn({"TERM": "xterm", "CI": "true"})
    assert not drawn({"TERM": "xterm"}, usepdb=True)
    assert not drawn({"TERM": "xterm"}, isatty=False)
    assert not drawn({"TERM": "xterm"}, hasmarkup=False)


def test_a_screen_keeps_a_begun_line_and_draws_only_what_changed() -> None:
    file = io.StringIO()
    screen, glass = Screen(file), Glass()
    lines = ["one", "two"]

    def fresh() -> str:
        text = file.getvalue()
        file.seek(0)
        file.truncate()
        glass.feed(text.replace("\n", "\r\n"))  # as a terminal does it
        return text

    with screen.drawing(lambda width, height: list(lines)):
        screen.write("test_x.py ")
        screen.write("\x1b[32m.\x1b[0m")
        screen.draw()
        fresh()
        assert glass.rows == ["test_x.py .", "one", "two"]
        screen.draw()
        assert fresh() == ""
        screen.line("from elsewhere")
        screen.write(".\nnext ")
        lines[:] = ["three"]
        screen.draw()
        fresh()
        assert glass.rows == ["from elsewhere", "test_x.py ..", "next ", "three"]
        screen.write("end")
    fresh()
    assert glass.rows == ["from elsewhere", "test_x.py ..", "next end"]
    assert (glass.y, glass.x) == (2, 8)  # pytest goes on where it was
    screen.draw()
    assert fresh() == ""


def test_a_terminal_that_is_gone_does_not_end_a_run() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(5, "Input/output error")

    screen = Screen(Gone())
    with screen.drawing(lambda width, height: ["a line"]):
        screen.draw()
