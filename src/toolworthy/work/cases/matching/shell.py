"""Command lines: parsing, equivalence, and the files that a command line displays, searches, writes or patches."""

from toolworthy.work.cases.matching._displayed import Find, Search, finds, reads, searches
from toolworthy.work.cases.matching._equivalent import same_command
from toolworthy.work.cases.matching._file_writes import patches, writes
from toolworthy.work.cases.matching._syntax import parse

__all__ = ["Find", "Search", "finds", "parse", "patches", "reads", "same_command", "searches", "writes"]
