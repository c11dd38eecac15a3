"""The embedded reference endpoint: it plays a task's solution through whatever tools the agent offers."""

from toolworthy.reference.server import Oracle

__all__ = ["Oracle"]
