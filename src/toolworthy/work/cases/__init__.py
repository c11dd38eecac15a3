"""Tool-call cases: a conversation, the tools offered in it, and which calls are right.

A case is written once, in neutral words, and rendered in the vocabulary of every agent tool.
"""
