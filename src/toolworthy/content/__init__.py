"""Where suites, adapters and fixtures live: inside the package in a wheel, at the root of a checkout."""

from pathlib import Path

PACKAGE = Path(__file__).parents[1]
ROOT = PACKAGE if (PACKAGE / "suites").is_dir() else PACKAGE.parents[1]

SUITES = ROOT / "suites"
ADAPTERS = ROOT / "adapters"
FIXTURES = ROOT / "fixtures"
