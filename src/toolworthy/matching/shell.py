"""Command lines: what they are made of, whether two do the same, and what one shows, seeks, writes or patches."""

from toolworthy.matching.same import same_command
from toolworthy.matching.syntax import Command, Redirect, Word, parse

__all__ = ["Command", "Redirect", "Word", "parse", "same_command"]
