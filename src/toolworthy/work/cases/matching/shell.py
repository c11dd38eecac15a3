"""Command lines: what they are made of, whether two do the same, and what one shows, seeks, writes or patches."""

from toolworthy.work.cases.matching._displayed import Find, Search, Shown, finds, reads, searches
from toolworthy.work.cases.matching._equivalent import same_command
from toolworthy.work.cases.matching._file_writes import Written, patches, writes
from toolworthy.work.cases.matching._syntax import Command, Redirect, Word, parse

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
