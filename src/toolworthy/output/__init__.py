"""What people and other programs read of a run: the page, the terminal, exports, evidence to report a bug with.

May import: `base` to `judgement`.
Does not belong here: a figure that no lower package computed.
"""
