"""Read the output of ``curl -i`` and ``curl -v``: response headers, then bodies, with curl's own lines between."""

from __future__ import annotations

import re

from toolworthy import wire
from toolworthy.records.formats import _log
from toolworthy.records.formats._collect import Collector
from toolworthy.records.formats._markup import encoded

_HEAD = re.compile(
    r"^(?:< )?HTTP/[\d.]+ (\d{3})[^\n]*\n((?:(?:< )?[\w-]+:[^\n]*\n)*)(?:<?[ \t\r]*(?:\n|\Z))", re.MULTILINE
)
_ASKED = re.compile(r"^> ([A-Z]+) (\S+) HTTP/", re.MULTILINE)
_URL = re.compile(r"https?://[^\s'\"/]+(/[^\s'\"\\]*)")
_CURL = re.compile(
    r"^(?:\* |> |>\s*$|[{}] \[\d+ bytes|\s*% Total|\s*Dload|\s*\d+ +\d+[\d.kMG]* +\d+).*\n?", re.MULTILINE
)
"""curl's own lines: actions, requests, progress."""


def transcript(block: str, start: int, collector: Collector) -> bool:
    """Collect the responses of a block that have headers. Returns whether there are any."""
    heads = list(_HEAD.finditer(block))
    if not heads:
        return False
    begin = 0
    for number, head in enumerate(heads):
        _request(block[begin : head.start()], start + begin, collector)
        end = heads[number + 1].start() if number + 1 < len(heads) else len(block)
        sent = _ASKED.search(block, head.end(), end)
        end = sent.start() if sent else end
        begin, status = end, int(head[1])
        if status >= 200:
            lines = (line.removeprefix("< ").rstrip().partition(":") for line in head[2].splitlines())
            headers = {name.strip().lower(): value.strip() for name, _, value in lines}
            body = _log.one_body(_CURL.sub("", block[head.end() : end]))
            collector.body(start + head.end(), encoded(body), status=status, headers=headers)
    return True


def _request(text: str, start: int, collector: Collector) -> None:
    """The request before a response: the command with its body, or the lines that curl sent."""
    _log.requests(text, start, collector)
    if sent := _ASKED.search(text):
        collector.asked(None, wire.route(sent[1], sent[2]))
    elif url := _URL.search(text):
        collector.asked(None, wire.route("POST", url[1]))
