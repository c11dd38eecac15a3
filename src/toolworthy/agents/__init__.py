"""The agents: their packages, installation and launch, and the built-in loop.

May import: `base` to `sandbox`.
Does not belong here: what an agent is, as data (`content.adapters`), and what it is given to do (`work`).
"""
