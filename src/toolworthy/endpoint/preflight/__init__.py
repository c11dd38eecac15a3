"""Preflight: the intended base URL, the available wire APIs, and the agents that can use them."""

from toolworthy.endpoint.preflight._discover import Preflight, model_ids, preflight
from toolworthy.endpoint.preflight._model import Check

__all__ = ["Check", "Preflight", "model_ids", "preflight"]
