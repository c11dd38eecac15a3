"""One item for every rule: has anything that the probes provoked violated it?"""

import pytest

from toolworthy.rules import Finding


def test_rule(ruled: list[Finding]) -> None:
    """The rules judge every answer to every probe. What is merely cosmetic is in the report, and fails nothing."""
    worst = [finding for finding in ruled if finding.severity != "cosmetic"]
    if worst:
        first = worst[0]
        more = f" ({len(worst)} answers)" if len(worst) > 1 else ""
        pytest.fail(f"{first.code} {first.title}: {first.detail}{more}\n{first.evidence.excerpt}", pytrace=False)
