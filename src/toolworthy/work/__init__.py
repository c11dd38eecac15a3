"""Kinds of work (probes, cases, trials, replays), and the session that plans, runs and records them.

May import: `base` to `gateway`.
Does not belong here: conclusions from results (`judgement`), and their display (`output`).
"""
