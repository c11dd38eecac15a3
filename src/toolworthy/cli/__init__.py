"""Entry points: the command line, and the live display of a run.

May import: everything.
Does not belong here: anything that another entry point also needs.
"""
