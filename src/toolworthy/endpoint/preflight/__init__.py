"""Before tokens are spent: what the user meant, which wire APIs there are, and which agents can work with them."""

from toolworthy.endpoint.preflight._discover import Preflight, preflight
from toolworthy.endpoint.preflight._model import Check

__all__ = ["Check", "Preflight", "preflight"]
