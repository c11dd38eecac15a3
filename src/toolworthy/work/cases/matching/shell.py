"""Command lines: what they are made of, whether two do the same, and what one shows, seeks, writes or patches."""

from toolworthy.work.cases.matching.same import same_command
from toolworthy.work.cases.matching.showing import Find, Search, Shown, finds, reads, searches
from toolworthy.work.cases.matching.syntax import Command, Redirect, Word, parse
from toolworthy.work.cases.matching.writing import Written, patches, writes

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
