"""One item for every rule: whether any response to a probe violates it."""

import pytest

from toolworthy.records.finding import Finding
from toolworthy.rules import label


def test_rule(ruled: list[Finding]) -> None:
    """Every response to every probe is judged. A finding that harms no agent is an expected failure."""
    if ruled:
        first = ruled[0]
        more = f" ({len(ruled)} findings)" if len(ruled) > 1 else ""
        text = f"{label(first.code)}: {first.title}: {first.detail}{more}"
        pytest.fail(f"{text}\n{first.evidence.excerpt}", pytrace=False)
