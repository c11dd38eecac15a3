"""The entry points: the command line and what a run shows while it lasts.

May import: everything.
Does not belong here: anything that another entry point would need too.
"""
