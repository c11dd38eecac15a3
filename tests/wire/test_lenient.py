"""What endpoints really send is read without a raise, whatever it is."""

from __future__ import annotations

from typing import Any

import pytest

from toolworthy.wire.lenient import as_float, as_int, parse_json


@pytest.mark.parametrize(
    ("text", "whole", "number"),
    [
        ("7", 7, 7.0),
        ("7.0", 7, 7.0),
        ("-1", -1, -1.0),
        ("0.5", None, 0.5),
        ("9007199254740992", 2**53, 2.0**53),
        ("1e300", None, 1e300),
        ("9" * 400, None, None),
        ("true", None, None),
        ('"7"', None, None),
        ("null", None, None),
        ("9" * 5_000, None, None),
    ],
)
def test_numbers(text: str, whole: Any, number: Any) -> None:
    value = parse_json(text)
    assert as_int(value) == whole
    assert as_float(value) == number
