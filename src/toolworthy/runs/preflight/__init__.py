"""Before tokens are spent: what the user meant, which wire APIs there are, and which agents can work with them."""

from toolworthy.runs.preflight.look import Preflight, preflight
from toolworthy.runs.preflight.model import Check

__all__ = ["Check", "Preflight", "preflight"]
