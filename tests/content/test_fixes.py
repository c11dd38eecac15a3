"""Every probe's failure has a remedy, and every remedy belongs to a probe."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest

from toolworthy.content.fixes import fix, fixes
from toolworthy.content.providers import every
from toolworthy.judgement.analysis.remedy import NOT_YOURS, remedy_for
from toolworthy.work.probes import load_suite


def test_every_probe_has_a_fix() -> None:
    assert not [probe for probe in load_suite() if not fix(probe)], "without a fix"


def test_every_fix_is_some_probes() -> None:
    names = [name for one in fixes() for name in one.probes]
    assert not [name for name in names if not any(fnmatchcase(probe, name) for probe in load_suite())]


def test_a_probes_own_fix_goes_before_that_of_its_kind() -> None:
    assert fix("tool-result-json").startswith("Pass a result on")
    assert fix("schema-odd-description") != fix("schema-ref") != ""
    assert not fix("no-such-probe")


@pytest.mark.parametrize("code", ["usage-adds-up", "results-reordered"])
def test_a_failed_probe_is_told_with_its_fix(code: str) -> None:
    generic, vllm = (next(one for one in every() if one.id == name) for name in ("generic", "vllm"))
    assert remedy_for(generic, [code]) == f"{fix(code)} {NOT_YOURS}"
    assert remedy_for(vllm, ["previous-response-id"]).startswith("vLLM: Set VLLM_ENABLE_RESPONSES_API_STORE")
