"""What results say together: verdicts and levels, the gate over two runs, the history of many.

May import: `base` to `work`.
Does not belong here: words and pages (`output`); asking an endpoint anything (`work`).
"""
