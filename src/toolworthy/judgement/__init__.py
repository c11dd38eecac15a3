"""Conclusions from results: verdicts and levels, the gate over two runs, the history of many.

May import: `base` to `work`.
Does not belong here: text and pages (`output`); requests to an endpoint (`work`).
"""
