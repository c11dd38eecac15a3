"""The reference server: plays a task's solution with the tools that an agent offers, with defects on request.

May import: `base` to `rules`. It is below `endpoint`, because an endpoint's name can select its defects.
Does not belong here: anything that a real endpoint needs.
"""

from toolworthy.reference.server import Oracle

__all__ = ["Oracle"]
