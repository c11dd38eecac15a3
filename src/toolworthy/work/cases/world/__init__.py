"""A small world for a command: a case's files, a repository of them, and stand-ins for what cannot run there.

It may import the sandbox, trees and the matching of commands. It does not judge.
"""

from toolworthy.work.cases.world._effects import Commit, Effects, State
from toolworthy.work.cases.world._repository import Repository
from toolworthy.work.cases.world._running import World

__all__ = ["Commit", "Effects", "Repository", "State", "World"]
