"""Command lines: what they are made of, whether two do the same, and what one shows, seeks, writes or patches."""

from toolworthy.work.cases.matching._displayed import DisplayedLines, Find, Search, finds, reads, searches
from toolworthy.work.cases.matching._equivalent import same_command
from toolworthy.work.cases.matching._file_writes import Written, patches, writes
from toolworthy.work.cases.matching._syntax import Redirect, SimpleCommand, Word, parse

__all__ = [
    "DisplayedLines",
    "Find",
    "Redirect",
    "Search",
    "SimpleCommand",
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
