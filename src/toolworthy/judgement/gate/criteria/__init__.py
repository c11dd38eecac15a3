"""The kinds of criteria of a policy, a module each."""
