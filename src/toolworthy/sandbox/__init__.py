"""Where agents and what models write run: isolated, with nothing but the gateway to talk to.

May import: `base`, `content`.
Does not belong here: what is run (`agents`, `work`).
"""

from __future__ import annotations

from typing import Literal

from toolworthy.sandbox._bare import Bare
from toolworthy.sandbox._bubblewrap import Bubblewrap
from toolworthy.sandbox.model import OnListener, Sandbox

__all__ = ["OnListener", "Sandbox", "choose"]


def choose(kind: Literal["auto", "bubblewrap", "none"]) -> Sandbox:
    """The sandbox asked for; ``auto`` is bubblewrap.

    Raises:
        ToolworthyError: bubblewrap is not there or cannot make namespaces; the line says what to do.
    """
    return Bare() if kind == "none" else Bubblewrap.ready()
