"""Rates, means and chances over repeats, each with its interval.

May import: the standard library and scipy.
Does not belong here: anything that knows what is counted.
"""
