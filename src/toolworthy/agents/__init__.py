"""Agents: installation, launch, and the built-in loop.

May import: `base` to `sandbox`.
Does not belong here: the description of an agent (`content.adapters`), and its tasks (`work`).
"""
