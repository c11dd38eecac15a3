"""Helpers for files, text, errors and sockets, independent of endpoints and agents.

May import: the standard library and third-party packages.
Does not belong here: anything specific to a wire API, a run, or a model.
"""
