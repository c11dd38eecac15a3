"""Patches change texts as the tools do that models write them for."""

from __future__ import annotations

import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolworthy.work.cases.matching.patch import PatchError, apply


def codex(*lines: str) -> str:
    return "\n".join(("*** Begin Patch", *lines, "*** End Patch"))


FILES = {"a.py": "def f():\n    return 1\n\n\ndef g():\n    return 1\n", "d.txt": "x\n"}


def test_add_delete_update_move() -> None:
    patch = codex(
        "*** Add File: /app/new/c.txt",
        "+one",
        "+",
        "*** Delete File: d.txt",
        "*** Update File: ./a.py",
        "*** Move to: b.py",
        "@@ def g():",
        "-    return 1",
        "+    return 2",
    )
    assert apply(FILES, patch) == {
        "new/c.txt": "one\n\n",
        "d.txt": None,
        "a.py": None,
        "b.py": "def f():\n    return 1\n\n\ndef g():\n    return 2\n",
    }


def test_the_first_place_without_context() -> None:
    patch = codex("*** Update File: a.py", "-    return 1", "+    return 2")
    assert apply(FILES, patch) == {"a.py": "def f():\n    return 2\n\n\ndef g():\n    return 1\n"}


def test_the_last_place_at_the_end_of_the_file() -> None:
    patch = codex("*** Update File: a.py", "@@", "-    return 1", "+    return 2", "*** End of File")
    assert apply(FILES, patch)["a.py"] == "def f():\n    return 1\n\n\ndef g():\n    return 2\n"


def test_two_chunks_in_order() -> None:
    patch = codex(
        "*** Update File: a.py", "@@", "-    return 1", "+    return 2", "@@", " def g():", "-    return 1", "+    pass"
    )
    assert apply(FILES, patch)["a.py"] == "def f():\n    return 2\n\n\ndef g():\n    pass\n"


def test_only_new_lines_go_to_the_end() -> None:
    assert apply(FILES, codex("*** Update File: d.txt", "@@", "+y")) == {"d.txt": "x\ny\n"}


def test_one_file_twice() -> None:
    patch = codex("*** Update File: d.txt", "-x", "+y", "*** Update File: d.txt", "-y", "+z")
    assert apply(FILES, patch) == {"d.txt": "z\n"}


@pytest.mark.parametrize(
    ("text", "line"),
    [("a  \n", "a"), ("   a\n", "a"), ("a\n", "  a "), ("a – b\n", "a - b"), ("“a”\n", '"a"'), ("a", "a")],
)
def test_white_space_and_typography_are_tolerated(text: str, line: str) -> None:
    assert apply({"f": text}, codex("*** Update File: f", f"-{line}", "+b")) == {"f": "b\n"}


def test_the_exact_place_comes_before_a_tolerated_one() -> None:
    assert apply({"f": " a\na\n"}, codex("*** Update File: f", "-a", "+b")) == {"f": " a\nb\n"}


def test_in_a_here_document() -> None:
    assert apply({}, "<<'EOF'\n" + codex("*** Add File: f", "+a") + "\nEOF\n") == {"f": "a\n"}


@pytest.mark.parametrize(
    "patch",
    [
        "",
        "hello",
        "*** Begin Patch\n*** Add File: f\n+a",
        codex("*** Update File: f", "-a", "+b"),
        codex("*** Delete File: f"),
        codex("*** Update File: d.txt"),
        codex("*** Update File: d.txt", "@@"),
        codex("*** Update File: d.txt", "@@ nowhere", "+b"),
        codex("*** Update File: d.txt", "-y", "+b"),
        codex("*** Update File: a.py", "@@ def g():", "-def f():", "+b"),
        codex("*** Update File: d.txt", "=y"),
        codex("*** Change File: d.txt", "-x"),
        "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n",
        "--- a/d.txt\n+++ b/d.txt\n@@ -1 +1 @@\n-a\n+b\n",
        "--- a/d.txt\n+++ b/d.txt\n@@ -1,2 +1 @@\n-x\n+b\n",
        "--- a/d.txt\n+++ /dev/null\n@@ -1 +1 @@\n-x\n+b\n",
    ],
)
def test_what_does_not_fit_is_said_in_one_line(patch: str) -> None:
    with pytest.raises(PatchError) as raised:
        apply(FILES, patch)
    assert "\n" not in str(raised.value)


def test_a_unified_diff() -> None:
    patch = (
        "diff --git a/d.txt b/e.txt\nsimilarity index 50%\nrename from d.txt\nrename to e.txt\n"
        "--- a/d.txt\n+++ b/e.txt\n"
        "@@ -1 +1,2 @@\n x\n+y\n\\ No newline at end of file\n"
        "diff --git a/n b/n\nnew file mode 100644\n--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+n\n"
        "--- a/a.py\n+++ b/a.py\n@@ -9,2 +9,2 @@ def g\n def g():\n-    return 1\n+    return 2\n"
    )
    assert apply(FILES, patch) == {
        "d.txt": None,
        "e.txt": "x\ny",
        "n": "n\n",
        "a.py": "def f():\n    return 1\n\n\ndef g():\n    return 2\n",
    }
    assert apply(FILES, "--- d.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n") == {"d.txt": None}


LINES = st.lists(st.sampled_from(["a", "b", "  c", "", "d d", "*** x", "-y", "+z", "@@"]), max_size=12)


@given(LINES, LINES)
def test_a_unified_diff_of_an_edit_makes_the_edit(before: list[str], after: list[str]) -> None:
    one, two = ([line + "\n" for line in lines] for lines in (before, after))
    diff = "".join(difflib.unified_diff(one, two, "a/f", "b/f"))
    if diff:
        assert apply({"f": "".join(one)}, diff) == {"f": "".join(two)}


@given(LINES.filter(bool), LINES)
def test_a_patch_of_the_whole_text_makes_the_edit(before: list[str], after: list[str]) -> None:
    text = "".join(line + "\n" for line in before)
    patch = codex("*** Update File: f", "@@", *(f"-{line}" for line in before), *(f"+{line}" for line in after))
    wanted = "".join(line + "\n" for line in after)
    result = apply({"f": text}, patch)["f"]
    assert result is not None
    # The tool lets an empty last line go astray, and ends each file in a line break.
    assert result.rstrip("\n") == wanted.rstrip("\n")


def test_two_chunks_at_the_end_keep_their_order() -> None:
    assert apply({"f": "a\n"}, codex("*** Update File: f", "@@", "+b", "@@", "+c")) == {"f": "a\nb\nc\n"}


@given(st.lists(st.text("abc ", min_size=1, max_size=6), min_size=1, max_size=12, unique_by=str.strip), st.data())
def test_a_patch_with_context_makes_the_edit(before: list[str], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(before) - 1))
    new = data.draw(st.lists(st.text("xyz", min_size=1), max_size=3))
    low, high = max(0, at - 3), min(len(before), at + 4)
    chunk = [
        *(f" {line}" for line in before[low:at]),
        f"-{before[at]}",
        *(f"+{line}" for line in new),
        *(f" {line}" for line in before[at + 1 : high]),
    ]
    after = [*before[:at], *new, *before[at + 1 :]]
    result = apply({"f": "\n".join(before) + "\n"}, codex("*** Update File: f", "@@", *chunk))
    assert result == {"f": "".join(line + "\n" for line in after)} or not after


@given(
    st.text()
    | st.lists(st.sampled_from(["*** Begin Patch", "*** End Patch", "@@", "-x", "+y", " ", ""])).map("\n".join)
)
def test_raises_nothing_else(patch: str) -> None:
    for text in (patch, codex("*** Update File: d.txt", patch), "--- a/d.txt\n+++ b/d.txt\n" + patch):
        try:
            apply(FILES, text)
        except PatchError:
            continue
