"""Where agents and what models write run: isolated, with nothing but the gateway to talk to.

May import: `base`, `content`.
Does not belong here: what is run (`agents`, `work`).
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Literal, Protocol

from toolworthy.sandbox.model import Command, Mount, Outcome

OnListener = Callable[[socket.socket], None]


class Sandbox(Protocol):
    """A way to run commands."""

    name: str

    def shown(self, mount: Mount) -> str:
        """Where a command sees the mount."""

    def app(self, workspace: Path) -> str:
        """Where a command sees its workspace."""

    def home(self, home: Path) -> str:
        """Where a command sees its home."""

    async def run(self, command: Command, on_listener: OnListener | None = None, port: int = 0) -> Outcome:
        """Run `command` to its end or its limits.

        Args:
            command: what is run, and all it may see.
            on_listener: is given a listening socket on 127.0.0.1:`port` of the command's own network, before the
                command starts.
            port: that port.

        Raises:
            UserError: the command cannot be started at all.
        """


def choose(kind: Literal["auto", "bubblewrap", "none"]) -> Sandbox:
    """The sandbox asked for; ``auto`` is bubblewrap.

    Raises:
        UserError: bubblewrap is not there or cannot make namespaces; the line says what to do.
    """
    from toolworthy.sandbox.bare import Bare
    from toolworthy.sandbox.bubblewrap import Bubblewrap

    return Bare() if kind == "none" else Bubblewrap.ready()
