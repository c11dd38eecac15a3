"""What was measured of a trial, and why it failed."""

from toolworthy.scoring.cause import diagnose
from toolworthy.scoring.measure import score

__all__ = ["diagnose", "score"]
