"""The isolation of agents and model code; their only network is the gateway.

May import: `base`, `content`.
Does not belong here: what runs inside (`agents`, `work`).
"""

from __future__ import annotations

from typing import Literal

from toolworthy.sandbox._bare import Bare
from toolworthy.sandbox._bubblewrap import Bubblewrap
from toolworthy.sandbox.model import OnListener, Sandbox

__all__ = ["OnListener", "Sandbox", "choose"]


def choose(kind: Literal["auto", "bubblewrap", "none"]) -> Sandbox:
    """The requested sandbox; ``auto`` is bubblewrap.

    Raises:
        ToolworthyError: bubblewrap is missing or cannot create namespaces; the message says what to do.
    """
    return Bare() if kind == "none" else Bubblewrap.ready()
