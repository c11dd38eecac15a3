"""A trial's scores, and the cause of its failure."""

from toolworthy.work.scoring._cause import diagnose
from toolworthy.work.scoring.measure import score

__all__ = ["diagnose", "score"]
