"""Decide whether the contents of a call match the expected ones. Pure functions: nothing is run, read or written."""
