"""Shipped data and the models that read it: agents, providers, toolsets, tasks, measured reactions to defects.

May import: `base`, `wire`. Suites, adapters and fixtures are in the package in a wheel, at the root in a checkout.
Does not belong here: anything that acts on the data.
"""

from pathlib import Path
from typing import Literal

PACKAGE = Path(__file__).parents[1]
ROOT = PACKAGE if (PACKAGE / "suites").is_dir() else PACKAGE.parents[1]

SUITES = ROOT / "suites"
ADAPTERS = ROOT / "adapters"
FIXTURES = ROOT / "fixtures"

Kind = Literal["agents", "providers", "tasks", "cases"]
_OURS: dict[Kind, Path] = {
    "agents": ADAPTERS / "agents",
    "providers": ADAPTERS / "providers",
    "tasks": FIXTURES / "tasks",
    "cases": FIXTURES / "cases",
}
PLUGINS: list[Path] = []
"""Folders of users' plugins, in the order of loading."""


def folders(kind: Kind) -> tuple[Path, ...]:
    """Folders with content of a kind: the built-in one, then those of plugins."""
    return (_OURS[kind], *(path / kind for path in PLUGINS if (path / kind).is_dir()))
