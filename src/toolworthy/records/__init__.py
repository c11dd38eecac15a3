"""What is stored: exchanges, results, scores, and the keys by which they are found.

May import: `base`, `wire`, `content`, `statistics`.
Does not belong here: judging or making what is stored.
"""
