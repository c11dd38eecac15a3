"""Files, texts, errors and sockets: small helpers that know nothing of endpoints or agents.

May import: the standard library and third-party packages.
Does not belong here: anything that knows a wire API, a run, or a model.
"""
