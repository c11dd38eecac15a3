"""Output of a run for people and programs: the page, the terminal, exports, bug report bundles.

May import: `base` to `judgement`.
Does not belong here: computing figures; lower packages do that.
"""
