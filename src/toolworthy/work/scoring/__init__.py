"""What was measured of a trial, and why it failed."""

from toolworthy.work.scoring._cause import diagnose
from toolworthy.work.scoring.measure import score

__all__ = ["diagnose", "score"]
