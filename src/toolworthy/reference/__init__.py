"""The reference server: it plays a task's solution through whatever tools an agent offers, with defects on demand.

May import: `base` to `rules`. It stands below `endpoint`, since an endpoint's name may say what it is to play.
Does not belong here: anything that a real endpoint needs.
"""

from toolworthy.reference.server import Oracle

__all__ = ["Oracle"]
