"""Cases: a conversation, its offered tools, and the right calls.

A case is written once in neutral terms and rendered for the toolset of every agent.
"""
