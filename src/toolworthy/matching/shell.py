"""Command lines: what they are made of, whether two do the same, and what one shows, seeks, writes or patches."""

from toolworthy.matching.same import same_command
from toolworthy.matching.showing import Find, Search, Shown, finds, reads, searches
from toolworthy.matching.syntax import Command, Redirect, Word, parse
from toolworthy.matching.writing import Written, patches, writes

__all__ = [
    "Command",
    "Find",
    "Redirect",
    "Search",
    "Shown",
    "Word",
    "Written",
    "finds",
    "parse",
    "patches",
    "reads",
    "same_command",
    "searches",
    "writes",
]
