"""Live findings of a recording: a line at the first occurrence of each, and counts at the end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

from toolworthy import rules
from toolworthy.base.sanitize import one_line
from toolworthy.records.exchange import Exchange

_AGAIN = (10, 100, 1_000, 10_000)
"""Number of occurrences after which a finding is shown again."""
_LONG = 160


class LiveFindings:
    """Findings so far, by model, wire API and rule, without those that follow from another finding."""

    def __init__(self) -> None:
        self._seen: Counter[tuple[str, str]] = Counter()

    def lines(self, exchange: Exchange) -> Iterator[str]:
        """Lines for new findings of an exchange: time, model and API, rule, detail, index of the exchange."""
        request = exchange.request
        who = f"{request.model if request and request.model else '?'}/{exchange.agent_api}"
        for code, detail in {one.code: one.detail for one in rules.check([exchange]) if not one.follows}.items():
            at = who, rules.label(code)
            self._seen[at] += 1
            many = self._seen[at]
            if many == 1 or many in _AGAIN:
                times = f" (×{many})" if many > 1 else ""
                clock = time.strftime("%H:%M:%S", time.localtime(exchange.started))
                yield one_line(f"{clock} {who} {at[1]}: {detail[:_LONG]} [exchange {exchange.index}]{times}")

    def summary(self) -> Iterator[str]:
        """The count of each finding, the most frequent first."""
        for (who, rule), many in self._seen.most_common():
            yield one_line(f"{many} × {rule} ({who})")
