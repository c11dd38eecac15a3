"""What is a web page is told in one pass, however it begins."""

import pytest

from toolworthy.wire.failure import page


@pytest.mark.parametrize("start", [b"<!-- a --> " * 2_000, b" " * 2**20, b"<!--" * 2_000])
def test_a_body_that_only_begins_like_a_page_takes_no_time(start: bytes) -> None:
    assert page(start + b"{}") is None


def test_a_page_may_begin_with_comments() -> None:
    assert page(b"<!-- a --> <!-- b --><html><title>Sign in</title></html>") is not None
