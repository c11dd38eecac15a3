"""Text of others neither moves a terminal's cursor nor hides from a reader."""

from __future__ import annotations

import pytest

from toolworthy.base.sanitize import one_line, visible


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("\x1b[2Jgone", "␛1b[2Jgone"),
        ("\x9b2Jgone", "␛9b2Jgone"),
        ("safe\rEVIL", "safe␛0dEVIL"),
        ("bell\a", "bell␛07"),
        ("a\u202eb", "a⟨U+202E⟩b"),
        ("half \ud83d", "half ?"),
        ("a\u200b\u3164\ufe01b", "a⟨U+200B⟩⟨U+3164⟩⟨U+FE01⟩b"),
        ("\U000e0041\U000e0141", "⟨U+E0041⟩⟨U+E0141⟩"),
        ("❤\ufe0f 👩\u200d💻 नमस\u200cते é", "❤\ufe0f 👩\u200d💻 नमस\u200cते é"),
        ("kept\r\n\tas it is", "kept\r\n\tas it is"),
    ],
)
def test_what_would_be_obeyed_is_shown(given: str, shown: str) -> None:
    assert visible(given) == shown


def test_a_line_is_one_line() -> None:
    assert one_line(" a\n\nb\tc\r\x1b[A ") == "a b c ␛1b[A"
