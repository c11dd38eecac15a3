"""Before tokens are spent: what the user meant, which wire APIs there are, and which agents can work with them."""

from toolworthy.endpoint.preflight.look import Preflight, preflight
from toolworthy.endpoint.preflight.model import Check

__all__ = ["Check", "Preflight", "preflight"]
