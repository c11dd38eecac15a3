"""Agents from PyPI, installed by uv into a Python of their own."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import distributions
from pathlib import Path

from packaging.utils import canonicalize_name

from toolworthy.agents import _index as index
from toolworthy.agents import _interpreter as interpreter
from toolworthy.agents._door import Door
from toolworthy.agents._installer import LIMITS, Installer
from toolworthy.base.errors import ToolworthyError
from toolworthy.sandbox import Sandbox
from toolworthy.sandbox.model import Command, Mount

_LOCK = "requirements.txt"
_OVERRIDE = "override.txt"
_UV = "/opt/uv"
_INSTALL = """umask 022
"$1" pip install -q --python bin/python3 --break-system-packages "${@:2}" || exit
bin/python3 -m compileall -qq -j 0 --invalidation-mode unchecked-hash . > /dev/null 2>&1
true"""
"""Compile now: the agent's folder is read-only later, so every start would compile everything again."""
_PIN = """"$1" pip freeze -q --python "$2" > /tmp/installed.txt || exit
echo "$3" > /tmp/wanted.txt
"$1" pip compile -q /tmp/wanted.txt -c /tmp/installed.txt --python "$2" "${@:4}" """
_ASK = """echo "$2" > wanted.txt && "$1" pip compile -q wanted.txt "${@:3}" """
_START = b"""#!/bin/sh
'''exec' "$(dirname -- "$(realpath -- "$0")")/python3" "$0" "$@"
' '''
"""
"""First lines of a script, by which it finds its Python wherever the folder is: valid shell, and a string to Python."""
_OWN_START = re.compile(rb"\A#![^\n]*/bin/python[^\n]*\n|\A#!/bin/sh\n'''exec' [^\n]*/bin/python[^\n]*\n' '''\n")


class Pypi(Installer):
    """uv, with a copy of a Python on this machine."""

    program = "uv"
    suffix = ".txt"

    @property
    def _wanted(self) -> str:
        extras = f"[{','.join(self.install.extras)}]" if self.install.extras else ""
        return f"{canonicalize_name(self.install.pypi)}{extras}=={self.install.version}"

    def pins(self, lock: Path) -> bool:
        """Whether the lock contains the package with its extras."""
        return (
            re.search(rf"^{re.escape(self._wanted)}(?: |$)", lock.read_text(encoding="utf-8"), re.MULTILINE) is not None
        )

    def prepare(self, files: Path, lock: Path | None) -> None:
        """Copy its Python, and write its requirements."""
        interpreter.copy(interpreter.find(self.install.python), files)
        self._override(files)
        if lock is not None:
            shutil.copyfile(lock, files / _LOCK)

    def command(self, sandbox: Sandbox, files: Path, home: Path, port: int) -> Command:
        """``uv pip install`` with the hashes of the lock."""
        locked = (
            ["--require-hashes", "--no-deps", "-r", _LOCK]
            if (files / _LOCK).is_file()
            else [self._wanted, "--override", _OVERRIDE]
        )
        built = [] if self.install.scripts else ["--only-binary", ":all:"]
        return self._uv(sandbox, files, home, port, _INSTALL, *locked, *built)

    def pinning(self, sandbox: Sandbox, files: Path, home: Path, port: int) -> Command:
        """``uv pip compile``, for every platform and every Python that fits."""
        work = home / "work"
        work.mkdir()
        self._override(work)
        shown = Mount(files, "/opt/agent")
        lowest = interpreter.lowest_minor(self.install.python)
        flags = [
            "--override",
            _OVERRIDE,
            "--universal",
            "--no-strip-extras",
            "--python-version",
            lowest,
            "--generate-hashes",
            "--no-header",
            "--no-annotate",
        ]
        python = f"{sandbox.shown(shown)}/bin/python3"
        return self._uv(sandbox, work, home, port, _PIN, python, self._wanted, *flags, more=(shown,))

    def _override(self, folder: Path) -> None:
        (folder / _OVERRIDE).write_text("\n".join(self.install.override))

    def asking(self, sandbox: Sandbox, work: Path, home: Path, port: int) -> Command:
        """``uv pip compile`` of only the package."""
        lowest = interpreter.lowest_minor(self.install.python)
        flags = ["--no-deps", "--no-header", "--no-annotate", "--python-version", lowest]
        return self._uv(sandbox, work, home, port, _ASK, self.install.pypi, *flags)

    def newest(self, printed: str) -> str:
        """The version that it pins."""
        pin = re.search(rf"^{re.escape(canonicalize_name(self.install.pypi))}==(\S+)", printed, re.MULTILINE)
        return pin[1] if pin else ""

    def _uv(
        self,
        sandbox: Sandbox,
        work: Path,
        home: Path,
        port: int,
        script: str,
        *given: str,
        more: tuple[Mount, ...] = (),
    ) -> Command:
        import uv

        program = Mount(Path(uv.find_uv_bin()), _UV)
        env = {
            "UV_DEFAULT_INDEX": f"http://127.0.0.1:{port}{index.PATH}",
            "UV_NO_CONFIG": "1",
            "UV_PYTHON_DOWNLOADS": "never",
            "UV_LINK_MODE": "copy",
            "UV_HTTP_TIMEOUT": "300",
            "UV_CONCURRENT_DOWNLOADS": "8",
        }
        argv = ("/bin/bash", "-c", script, "bash", sandbox.shown(program), *given)
        return Command(argv, work, home, env, (program, *more), LIMITS)

    def lock(self, files: Path, printed: bytes) -> str:
        """The output of uv."""
        return printed.decode()

    @asynccontextmanager
    async def door(self, port: int) -> AsyncIterator[Door]:
        """A proxy to the user's index."""
        async with index.door(port) as door:
            yield door

    def failure_message(self, lines: list[str]) -> str:
        """The full output of uv, whose messages span several lines."""
        words = [line.strip(" ╰─▶×│├:").removeprefix("error: ") for line in lines]
        return " ".join(word for word in words if word)

    def misfit(self, files: Path) -> str:
        """Whether the adapter has since been changed to other versions of Python."""
        minor, wanted = (files / "bin" / "python3").readlink().name.removeprefix("python"), self.install.python
        return "" if interpreter.allows(wanted, minor) else f"it has Python {minor}, not {wanted}"

    def _check_extras(self, files: Path) -> None:
        """uv only warns of an extra that the package does not have."""
        folders = {str(path.parent) for path in files.rglob("*.dist-info")}
        (package,) = distributions(name=self.install.pypi, path=sorted(folders))
        known = {canonicalize_name(extra) for extra in package.metadata.get_all("Provides-Extra") or ()}
        if missing := [extra for extra in self.install.extras if extra not in known]:
            remedy = f"Give only {', '.join(sorted(known))}." if known else "Leave it out."
            raise ToolworthyError(f"{self.install.pypi} {self.install.version} has no extra {missing[0]!r}. {remedy}")

    def finish(self, files: Path) -> None:
        """Check its extras, move its scripts to its programs, and let them find their Python relative to themselves."""
        self._check_extras(files)
        for script in files.glob("local/bin/*"):  # the path that Debian's Python uses
            script.rename(files / "bin" / script.name)
        for script in (path for path in (files / "bin").iterdir() if path.is_file() and not path.is_symlink()):
            text = script.read_bytes()
            if own := _OWN_START.match(text):
                script.write_bytes(_START + text[own.end() :])
