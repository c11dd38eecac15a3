"""What ships as data, and the models that read it: agents, providers, toolsets, tasks, what agents do with defects.

May import: `base`, `wire`. Suites, adapters and fixtures lie inside the package in a wheel, at the root of a checkout.
Does not belong here: anything that acts on the data.
"""

from pathlib import Path

PACKAGE = Path(__file__).parents[1]
ROOT = PACKAGE if (PACKAGE / "suites").is_dir() else PACKAGE.parents[1]

SUITES = ROOT / "suites"
ADAPTERS = ROOT / "adapters"
FIXTURES = ROOT / "fixtures"
