"""The user of a sandbox's processes on the host: an ordinary user stays the same, root becomes an unused user id.

Root keeps rights across namespaces: files of the kernel (``/proc/sys``) and of the host belong to user 0,
whatever its id inside. So root gets a user namespace with two users: root, which makes the mounts, and one
without rights, as which the command runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from toolworthy.base.cancelling import through
from toolworthy.base.errors import ToolworthyError
from toolworthy.content import FIXTURES, PACKAGE

INSIDE = 1000
"""The command's user id inside."""
_OUTSIDE = 60_999
"""No distribution and no service manager assigns this user id (https://systemd.io/UIDS-GIDS)."""
_NSENTER, _SETPRIV = "/usr/bin/nsenter", "/usr/bin/setpriv"
_CAPABILITIES = ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP")


@dataclass(frozen=True, slots=True)
class Owner:
    """A user of the host, and how bubblewrap and the command switch to it."""

    uid: int
    spaces: Spaces | None = None
    """The user namespaces made for root."""
    closed: bool = False
    """Whether bubblewrap must forbid new user namespaces inside; those made for root forbid them anyway."""

    @contextlib.asynccontextmanager
    async def enter(self) -> AsyncIterator[list[str]]:
        """The command prefix that runs bubblewrap in a user namespace which no other sandbox uses at the time.

        Raises:
            ToolworthyError: none can be made.
        """
        if self.spaces is None:
            yield []
            return
        space = await self.spaces.take()
        try:
            # Through /proc of this process, so that nothing inside inherits the descriptor.
            yield [_NSENTER, f"--user=/proc/{os.getpid()}/fd/{space}", "--preserve-credentials", "--"]
        finally:
            self.spaces.give_back(space)

    def arguments(self) -> list[str]:
        """bubblewrap's options."""
        if self.spaces is None:
            more = ["--disable-userns"] if self.closed else []
            return ["--unshare-user", *more, "--uid", str(INSIDE), "--gid", str(INSIDE), "--cap-drop", "ALL"]
        return ["--cap-drop", "ALL", *(part for name in _CAPABILITIES for part in ("--cap-add", name))]

    def command(self) -> list[str]:
        """The prefix of the command."""
        if self.spaces is None:
            return []
        ids = [f"--reuid={INSIDE}", f"--regid={INSIDE}", "--clear-groups"]
        return [_SETPRIV, *ids, "--inh-caps=-all", "--bounding-set=-all", "--"]


class Spaces:
    """User namespaces for root: one for each simultaneous sandbox, since the kernel counts processes by namespace."""

    def __init__(self, uid: int) -> None:
        self._uid = uid
        self._free = [_user_namespace(uid)]

    async def take(self) -> int:
        """The descriptor of a free namespace."""
        if self._free:
            return self._free.pop()
        return await through(asyncio.to_thread(_user_namespace, self._uid))

    def give_back(self, space: int) -> None:
        """Mark a namespace as free; no process may be left in it."""
        self._free.append(space)


def find() -> Owner:
    """The owner for this process.

    Raises:
        ToolworthyError: this is root, and cannot be anyone else.
    """
    if os.geteuid() != 0:
        return Owner(os.geteuid())
    for program in (_NSENTER, _SETPRIV):
        if not os.path.exists(program):
            raise ToolworthyError(f"root gives up its rights by {program}, which is missing. Install util-linux.")
    for path in (PACKAGE / "wire" / "__init__.py", FIXTURES / "tasks", Path(sys.executable)):
        if path.exists() and not path.stat().st_mode & stat.S_IROTH:
            why = "root gives up its rights in the sandbox, and root alone may read"
            raise ToolworthyError(f"{why} {path}. Type `chmod -R o+rX {path.parent}`, or run as an ordinary user.")
    ranges = [tuple(map(int, line.split())) for line in Path("/proc/self/uid_map").read_text().splitlines()]
    known = [(inside, count) for inside, _, count in ranges]
    if any(inside <= _OUTSIDE < inside + count for inside, count in known):
        return Owner(_OUTSIDE, Spaces(_OUTSIDE))
    others = [inside + count - 1 for inside, count in known if inside + count > 1]
    if others:
        return Owner(max(others), Spaces(max(others)))
    if ranges and ranges[0][1] != 0:
        return Owner(0)  # root only inside this user namespace: outside, it is an ordinary user
    raise ToolworthyError("root cannot give up its rights here: no other user is mapped. Run as an ordinary user.")


def _user_namespace(uid: int) -> int:
    script = Path(__file__).with_name("userns.py")
    pipe = subprocess.PIPE
    argv = [sys.executable, "-I", "-S", str(script)]
    # A session of its own: Ctrl-C is for us, not for it.
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe, env={}, start_new_session=True) as helper:
        assert helper.stdin is not None
        assert helper.stdout is not None
        try:
            if helper.stdout.read(1) == b"u":
                for kind in ("uid", "gid"):
                    Path(f"/proc/{helper.pid}/{kind}_map").write_text(f"0 0 1\n{INSIDE} {uid} 1\n")
                namespace = os.open(f"/proc/{helper.pid}/ns/user", os.O_RDONLY)
                with contextlib.suppress(BrokenPipeError):
                    helper.stdin.write(b"g")
                    helper.stdin.flush()
                helper.stdout.read(1)
                return namespace
        except OSError as error:
            raise ToolworthyError(
                f"root cannot give up its rights here ({error.strerror}). Give it CAP_SETUID, CAP_SETGID and "
                "CAP_SETFCAP, or run as an ordinary user."
            ) from error
    raise ToolworthyError("bubblewrap cannot isolate here (no user namespace can be made). Allow user namespaces.")
