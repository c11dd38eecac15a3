"""One item for every rule: has anything that the probes provoked violated it?"""

import pytest

from toolworthy.records.finding import Finding


def test_rule(ruled: list[Finding]) -> None:
    """The rules judge every answer to every probe. What harms no agent is an expected failure."""
    if ruled:
        first = ruled[0]
        more = f" ({len(ruled)} answers)" if len(ruled) > 1 else ""
        pytest.fail(f"{first.code} {first.title}: {first.detail}{more}\n{first.evidence.excerpt}", pytrace=False)
