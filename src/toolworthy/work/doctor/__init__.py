"""Examine one endpoint with a few requests: its abilities, and the settings of each agent for it."""

from toolworthy.work.doctor._look import examine

__all__ = ["examine"]
