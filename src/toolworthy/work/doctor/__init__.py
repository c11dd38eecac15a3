"""Look at one endpoint with a few requests: what it offers, and what each agent must be set to for it."""

from toolworthy.work.doctor._look import examine

__all__ = ["examine"]
