"""Values against what was wanted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolworthy.work.cases.matching._code import same_code
from toolworthy.work.cases.matching.values import Mismatch, compare


def kind(wanted: Any, given: Any, lenient: bool = False) -> tuple[str, str] | None:
    found = compare(wanted, given, lenient=lenient)
    return (found.kind, found.path) if found else None


FITS: list[tuple[Any, Any]] = [
    (1, 1.0),
    ("a", "a"),
    (None, None),
    ({"a": [1, {"b": True}]}, {"a": [1, {"b": True}]}),
    ({"$one_of": [1, "a"]}, "a"),
    ({"$regex": "a+b?"}, "aab"),
    ({"$contains": "b"}, "abc"),
    ({"$contains": ["a", "c"]}, "abc"),
    ({"$path": "src/a.py"}, "/app/src/a.py"),
    ({"$path": "src/a.py"}, "./src/../src/a.py"),
    ({"$path": "src"}, "src/"),
    ({"$path": "."}, "/app"),
    ({"$near": 5, "within": 0.1}, 5.1),
    ({"$near": 0.3}, 0.1 + 0.2),
    ({"$command": "pytest -q"}, "cd /app && python -m pytest -q"),
    ({"$command": ["pytest", "pytest -q"]}, "pytest -q"),
    ({"$command": "pytest -q"}, ["bash", "-lc", "pytest -q"]),
    ({"$command": "grep 'a b' f"}, ["grep", "a b", "f"]),
    ({"$code": "f( 1 )", "language": "python"}, "f(1)  # x"),
    ({"$code": '{"a": 1}', "language": "json"}, '{"a":1.0}'),
    ({"$text": "a\nb"}, "a  \nb\n\n"),
    ({"$any": True}, None),
    ({"$set": [1, 2]}, [2, 1]),
    ({"$set": [{"$any": True}, {"$one_of": [1, 2]}, 1]}, [1, 2, 3]),
    ({"$exact": {"$any": True}}, {"$any": True}),
    ({"a": {"$optional": 1}}, {}),
    ({"a": {"$optional": 1}}, {"a": 1}),
    ({"$schema": 1, "type": 2}, {"$schema": 1, "type": 2}),
]

FAILS: list[tuple[Any, Any, str, str]] = [
    (1, True, "wrong type", ""),
    (True, 1, "wrong type", ""),
    (1, "1", "wrong type", ""),
    ("1", 1, "wrong type", ""),
    (1, 2, "wrong argument", ""),
    ("a", "b", "wrong argument", ""),
    (None, "", "wrong type", ""),
    ([1], 1, "wrong type", ""),
    ([1, 2], [2, 1], "wrong argument", "0"),
    ([1], [1, 1], "wrong argument", ""),
    ({"a": 1}, {}, "missing argument", "a"),
    ({"a": 1}, {"a": 1, "b": 2}, "extra argument", "b"),
    ({"a": 1}, {"a": None}, "wrong type", "a"),
    ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, "wrong argument", "a.0.b"),
    ({"a": 1}, '{"a": 1}', "wrong type", ""),
    ({"a": {"$optional": 1}}, {"a": 2}, "wrong argument", "a"),
    ({"a": {"$any": True}}, {}, "missing argument", "a"),
    ({"$one_of": [1, 2]}, 3, "wrong argument", ""),
    ({"$one_of": [1, 2]}, "1", "wrong type", ""),
    ({"$regex": "a"}, "ab", "wrong argument", ""),
    ({"$regex": "1"}, 1, "wrong type", ""),
    ({"$contains": ["a", "d"]}, "abc", "wrong argument", ""),
    ({"$path": "src/a.py"}, "a.py", "wrong argument", ""),
    ({"$path": "."}, "", "wrong argument", ""),
    ({"$near": 5, "within": 0.1}, 5.2, "wrong argument", ""),
    ({"$near": 1}, True, "wrong type", ""),
    ({"$command": "pytest -x"}, "pytest", "wrong argument", ""),
    ({"$command": "pytest -q"}, 1, "wrong type", ""),
    ({"$code": "f(1)", "language": "python"}, "f(2)", "wrong argument", ""),
    ({"$text": "a"}, " a", "wrong argument", ""),
    ({"$text": "a"}, "A", "wrong argument", ""),
    ({"$set": [1, 1]}, [1, 2], "wrong argument", ""),
    ({"$set": [1]}, 1, "wrong type", ""),
    ({"$set": [1, 2]}, ["#1", "#2"], "wrong type", ""),
    ({"$set": [{"a": 1, "t": 5}, {"a": 2, "t": 5}]}, [{"a": 1, "t": "5s"}, {"a": 2, "t": "5s"}], "wrong type", ""),
    ({"$set": [{"a": 1, "t": 5}, {"a": 2, "t": 5}]}, [{"a": 2}, {"a": 1}], "missing argument", ""),
    ({"$set": [{"a": 1, "t": 5}, {"a": 2, "t": 5}]}, [{"a": 2, "t": 5}, {"a": 3, "t": 5}], "wrong argument", ""),
    (None, "olga", "wrong argument", ""),
    (None, "null", "wrong type", ""),
    (None, False, "wrong type", ""),
    ({"$exact": 1}, True, "wrong type", ""),
    ({"$exact": {"$any": True}}, 1, "wrong type", ""),
]

LENIENT: list[tuple[Any, Any]] = [
    (5, "5"),
    (5, " 5.0"),
    ("5", 5),
    (True, "true"),
    (True, "True"),
    ("true", True),
    ([1, 2], "[1, 2]"),
    ({"a": 1}, '{"a": "1"}'),
    ({"a": 1}, '```json\n{"a": 1}\n```'),
    ("x = 1", "```python\nx = 1\n```"),
    ({"a": {"$optional": 1}}, {"a": None}),
    ({"$one_of": [1, 2]}, "2"),
    ({"$near": 5, "within": 1}, "5.5"),
    ({"$text": "Hello  there"}, "hello there\n"),
    ({"$command": "pytest -q"}, "```bash\npytest -q\n```"),
    ({"$code": "f(1)", "language": "python"}, "```python\nf( 1 )\n```"),
    ({"$set": [1, 2]}, "[2, 1]"),
    ({"$regex": r"\d"}, 5),
]


@pytest.mark.parametrize(("wanted", "given"), FITS, ids=map(repr, FITS))
def test_fits(wanted: Any, given: Any) -> None:
    assert compare(wanted, given) is None
    assert compare(wanted, given, lenient=True) is None


@pytest.mark.parametrize(("wanted", "given", "what", "path"), FAILS, ids=map(repr, FAILS))
def test_fails(wanted: Any, given: Any, what: str, path: str) -> None:
    assert kind(wanted, given) == (what, path)


@pytest.mark.parametrize(("wanted", "given"), LENIENT, ids=map(repr, LENIENT))
def test_fits_only_with_lenience(wanted: Any, given: Any) -> None:
    assert compare(wanted, given) is not None
    assert compare(wanted, given, lenient=True) is None


@pytest.mark.parametrize(
    ("wanted", "given", "what"),
    [
        (5, "6", "wrong argument"),
        (5, "true", "wrong type"),
        (1, True, "wrong type"),
        (5, "five", "wrong type"),
        (True, "yes", "wrong type"),
        (True, "1", "wrong type"),
        (None, "null", "wrong type"),
        (None, "None", "wrong type"),
        (None, "", "wrong type"),
        ("null", None, "wrong type"),
        ("7", 6, "wrong argument"),
        ("004417", 4417, "wrong type"),
        ("3.0.1", 3.0, "wrong type"),
        ("3.10", 3.1, "wrong type"),
        ("u-28806", 28806, "wrong type"),
        ({"$regex": "u-.*"}, 28806, "wrong type"),
        ([1], 1, "wrong type"),
        (["a"], "a", "wrong type"),
        ({"$set": ["a"]}, "a", "wrong type"),
        (["a", "b"], "a,b", "wrong type"),
        ([{"a": 1}], {"a": 1}, "wrong type"),
        ("a", ["a"], "wrong type"),
        ({"a": 1}, '{"a": 2}', "wrong argument"),
        ({"a": 1}, "{", "wrong type"),
        ("a", "```\nb\n```", "wrong argument"),
        ({"$text": "a b"}, "ab", "wrong argument"),
        ({"$regex": "a"}, "b", "wrong argument"),
    ],
)
def test_lenience_has_an_end(wanted: Any, given: Any, what: str) -> None:
    found = compare(wanted, given, lenient=True)
    assert found is not None
    assert found.kind == what


def test_a_mismatch_says_where_and_what() -> None:
    found = compare({"edits": [{"path": "a", "n": 1}]}, {"edits": [{"path": "a", "n": 2}]})
    assert found == Mismatch("wrong argument", "edits.0.n", 1, 2)


@pytest.mark.parametrize("wanted", [{"$pathh": "a"}, {"$near": 1, "withn": 2}, {"a": {"$oneof": []}}])
def test_a_matcher_that_there_is_not(wanted: Any) -> None:
    with pytest.raises(ValueError, match="not a matcher"):
        compare(wanted, {"a": 1})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False) | st.text("ab$ 1", max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(JSON)
def test_each_value_is_itself_in_both_modes(value: Any) -> None:
    assert compare(value, value) is None
    assert compare(value, value, lenient=True) is None
    assert compare({"$exact": value}, json.loads(json.dumps(value))) is None


@given(JSON, JSON)
def test_strictly_two_values_are_one_only_where_their_json_is(one: Any, two: Any) -> None:
    same = compare(one, two) is None
    assert same == (compare(two, one) is None)
    assert same == (compare({"$exact": one}, two) is None)
    if same:
        assert one == two
        assert compare(one, two, lenient=True) is None


@given(st.lists(JSON, max_size=5), st.randoms(use_true_random=False))
def test_a_set_has_no_order(values: list[Any], random: Any) -> None:
    mixed = list(values)
    random.shuffle(mixed)
    assert compare({"$set": values}, mixed) is None


@given(JSON, st.sampled_from([wanted for wanted, _ in FITS]), st.booleans())
def test_never_raises_on_what_is_given(given: Any, wanted: Any, lenient: bool) -> None:
    compare(wanted, given, lenient=lenient)


# ---- code --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "two", "language"),
    [
        ("def f(a,b):\n  return (a+b)", "def f(a, b):\n    # sum\n    return a + b\n", "python"),
        ("x = 'a'", 'x = "a"', "py"),
        ('{"a": [1, 2], "b": null}', '{"b":null,"a":[1,2.0]}', "json"),
        ("pytest -q", "cd /app; pytest -q", "bash"),
        (
            "SELECT a, count(*) FROM b WHERE c IS NULL",
            "select a,\n  COUNT( * )\nfrom b -- all\nwhere c is null;",
            "sql",
        ),
        ("a  \nb", "a\nb\n", "rust"),
        ("def f(:", "def f(:\n", "python"),
    ],
)
def test_same_code(one: str, two: str, language: str) -> None:
    assert same_code(one, two, language)
    assert same_code(two, one, language)


@pytest.mark.parametrize(
    ("one", "two", "language"),
    [
        ("x = 1", "x = 2", "python"),
        ("x = 1", "x = True", "python"),
        ("if a:\n    b\n    c", "if a:\n    b\nc", "python"),
        ('def f():\n    "a"', 'def f():\n    "b"', "python"),
        ("def f(:", "def f(: ,", "python"),
        ("x = 1\n" * 30_000, "x = 2\n" * 30_000, "python"),
        ("[1, 2]", "[2, 1]", "json"),
        ("1", "true", "json"),
        ("{", "[", "json"),
        ("rm a", "rm b", "bash"),
        ("SELECT a FROM b WHERE c IS NULL", "SELECT a FROM b WHERE c IS NOT NULL", "sql"),
        ("SELECT a FROM b WHERE c = 'X'", "SELECT a FROM b WHERE c = 'x'", "sql"),
        ("SELECT a FROM b", "SELECT a FROM b LIMIT 10", "sql"),
        ("SELECT ab", "SELECT a b", "sql"),
        ("a b", "a  b", "rust"),
        ("  a", "a", "yaml"),
    ],
)
def test_other_code(one: str, two: str, language: str) -> None:
    assert not same_code(one, two, language)


@given(st.text(), st.text(), st.sampled_from(["python", "json", "bash", "text", ""]))
def test_code_never_raises(one: str, two: str, language: str) -> None:
    assert same_code(one, one, language)
    assert same_code(one, two, language) == same_code(two, one, language)
