"""Rates, means and pass@k, each with its interval.

May import: the standard library and scipy.
Does not belong here: anything specific to what is counted.
"""
