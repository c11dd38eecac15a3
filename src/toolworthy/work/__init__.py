"""The kinds of work (probes, tool-call cases, trials, replays) and the session that plans, runs and records them.

May import: `base` to `gateway`.
Does not belong here: what results mean together (`judgement`), and showing them (`output`).
"""
