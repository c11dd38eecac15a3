"""Every rule is said to be set off by some defect (which the suite's own mutation test proves), and has its page."""

from __future__ import annotations

import json
import re

import pytest

from toolworthy import content
from toolworthy.output.rule_pages import page
from toolworthy.reference.defects import catalogue
from toolworthy.rules import RULES, Rule

BESIDE_THE_SUITE = {
    "TW517",  # compaction is a service beside the wire API, which no probe asks for
    "TW609",  # a refusal: where a probe is refused, its verdict says so
}
NAMED = {code for defect in catalogue() for code in defect.caught_by}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_defect_sets_it_off(rule: Rule) -> None:
    assert (rule.code in NAMED) != (rule.code in BESIDE_THE_SUITE), (
        f"no defect shows {rule.code}: add a row to fixtures/defects/ whose caught_by names it"
    )


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_it_explains_itself(rule: Rule) -> None:
    assert rule.area != "rules of your own"
    assert rule.sources
    assert all(source.startswith("https://") or "#" in source for source in rule.sources)
    assert rule.title[:1].islower() or rule.title.startswith(("JSON", "HTTP", "429"))
    assert len(rule.right) <= 200


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_its_texts_read_the_same_everywhere(rule: Rule) -> None:
    """In a terminal, in Markdown and in HTML: sentences without markup."""
    for text in (rule.what, rule.why, rule.right):
        assert len(text) > 15
        assert text.endswith(".")
    for text in (rule.title, rule.what, rule.why, rule.right, rule.fix):
        assert not set(text) & set("\n<>`*|\\")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_heading_is_on_its_page(rule: Rule) -> None:
    headings = re.findall("^## (.*)", page(rule), re.MULTILINE)
    wanted = ["What it does", "Why is this bad?", "Example", "Use instead", "Who breaks", "How to fix", "References"]
    assert headings == [one for one in wanted if rule.example or one != "Example"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_the_json_in_it_is_json(rule: Rule) -> None:
    """Once what is left out (…) is left out."""
    for start in [place for place, mark in enumerate(rule.right) if mark == "{" and rule.right[place - 1] in " ("]:
        text = re.sub(r'(?<!")…', "", rule.right[start:])
        json.JSONDecoder().raw_decode(re.sub(r", *(?=[\]}])", "", text))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_its_page_is_the_written_one(rule: Rule) -> None:
    path = content.SUITES.parent / "docs" / "rules" / f"{rule.code}.md"
    written = path.read_text(encoding="utf-8") if path.is_file() else ""
    assert written == page(rule), "toolworthy rules --pages docs/rules"
