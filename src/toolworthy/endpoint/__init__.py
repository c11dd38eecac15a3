"""What is under test: configuration, providers, base URLs, and the first look at what is there.

May import: `base` to `reference`.
Does not belong here: sending what agents or suites ask; that is the gateway's.
"""
