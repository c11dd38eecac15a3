"""The endpoint under test: configuration, providers, base URLs, preflight.

May import: `base` to `reference`.
Does not belong here: sending requests of agents or suites (`gateway`).
"""
