"""What a command line is made of, and what it shows, seeks, writes and patches."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolworthy.work.cases.matching._displayed import DisplayedLines, extended
from toolworthy.work.cases.matching._file_writes import Written
from toolworthy.work.cases.matching.shell import (
    Find,
    Search,
    finds,
    parse,
    patches,
    reads,
    same_command,
    searches,
    writes,
)

# ---- parsing -----------------------------------------------------------------------------------------------------


@pytest.mark.process
def test_words_connectors_variables_and_redirections() -> None:
    commands = parse("cd /app && A=1 pytest -q 'a b'\"c\"\\ d $x *.py 2>&1 | head -5; echo done &")
    assert commands is not None
    assert [command.argv[0] for command in commands] == ["cd", "pytest", "head", "echo"]
    assert [command.then for command in commands] == ["&&", "|", ";", "&"]
    pytest_ = commands[1]
    assert pytest_.argv == ("pytest", "-q", "a bc d", "$x", "*.py")
    assert [word.literal for word in pytest_.words] == [True, True, True, False, True]
    assert [word.pattern for word in pytest_.words] == [False, False, False, False, True]
    assert [(name, word.text) for name, word in pytest_.env] == [("A", "1")]
    assert [(redirect.fd, redirect.op, redirect.target and redirect.target.text) for redirect in pytest_.redirects] == [
        (2, ">&", "1")
    ]


@pytest.mark.parametrize(
    ("text", "bodies"),
    [
        ("cat > f <<'EOF'\n\n  a\n EOF\nEOF\necho 1", ["\n  a\n EOF\n"]),
        ("cat <<-EOF | tee f\n\tx\n\tEOF\n", ["x\n"]),
        ("cat <<'EOF' 2>&1 | head -5\nhi\nEOF", ["hi\n"]),
        ('cat > a <<A && cat > b <<"B"\n1\nA\n2 \'x\nB\n', ["1\n", "2 'x\n"]),
        ("cat <<EOF; ls\nEOF\n", [""]),
    ],
)
def test_here_documents(text: str, bodies: list[str]) -> None:
    commands = parse(text)
    assert commands is not None
    assert [r.heredoc.body for command in commands for r in command.redirects if r.heredoc] == bodies


def test_what_the_parser_must_not_see() -> None:
    # tree-sitter-bash#337: this ends the process where the parser gets it.
    assert parse("{\U00031860") is None
    commands = parse("echo é\u00a0b 'ü' \\; x\\ y $'\\\\' '\\'")
    assert commands is not None
    assert commands[0].argv == ("echo", "é\u00a0b", "ü", ";", "x y", "\\", "\\")


def test_what_is_no_simple_command_is_not_looked_into() -> None:
    commands = parse("if a; then b; fi && ls")
    assert commands is not None
    assert [(command.compound, command.argv) for command in commands] == [("if a; then b; fi", ()), ("", ("ls",))]


@pytest.mark.parametrize("text", ["", "  ", "# x", "if", "a;;b", "echo 'a", "cat <<EOF\nno end", "a &&", "x" * 300_000])
def test_no_command_line(text: str) -> None:
    assert parse(text) is None


@pytest.mark.process
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0\n"), max_size=8), min_size=1, max_size=5))
def test_quoted_words_come_back(words: list[str]) -> None:
    commands = parse("run " + shlex.join(words))
    assert commands is not None
    assert commands[0].argv == ("run", *words)
    assert all(word.literal and not word.pattern for word in commands[0].words)


STYLES: dict[str, Callable[[str], str]] = {
    "'": lambda text: "'" + text.replace("'", "") + "'",
    '"': lambda text: '"' + re.sub(r'([$`"\\\\])', r"\\\1", text) + '"',
    "\\": lambda text: re.sub(r"([^a-z0-9])", r"\\\1", text),
    "$": lambda text: "$'" + re.sub(r"(['\\\\])", r"\\\1", text) + "'",
}
PARTS = st.tuples(st.sampled_from(sorted(STYLES)), st.text('ab \\"$`*;|&<>(){}#=~!', min_size=1, max_size=4))


@settings(max_examples=400)
@given(st.lists(st.lists(PARTS, min_size=1, max_size=3), min_size=1, max_size=4))
def test_words_come_back_however_they_are_quoted(words: list[list[tuple[str, str]]]) -> None:
    line = " ".join("".join(STYLES[style](text) for style, text in word) for word in words)
    commands = parse("run " + line)
    if commands is not None:  # the parser has its limits; what it reads must be right
        assert commands[0].argv == ("run", *("".join(text for _, text in word) for word in words))


# ---- files shown ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cat a.py", [DisplayedLines("a.py")]),
        ("cd src && cat -n ./a.py /app/b.py 2>/dev/null", [DisplayedLines("src/a.py"), DisplayedLines("b.py")]),
        ("bash -lc 'cat a'", [DisplayedLines("a")]),
        ("cat a; echo ---; cat b", [DisplayedLines("a"), DisplayedLines("b")]),
        ("head -5 a", [DisplayedLines("a", 1, 5)]),
        ("head -n 5 a b", [DisplayedLines("a", 1, 5), DisplayedLines("b", 1, 5)]),
        ("head a", [DisplayedLines("a", 1, 10)]),
        ("head -n -2 a", [DisplayedLines("a", 1, -3)]),
        ("tail -n 20 a", [DisplayedLines("a", -20)]),
        ("tail -n +5 a", [DisplayedLines("a", 5)]),
        ("sed -n '3,7p' a", [DisplayedLines("a", 3, 7)]),
        ("sed -n 3,7p a; sed -n '9p' a", [DisplayedLines("a", 3, 7), DisplayedLines("a", 9, 9)]),
        ("sed -n '3,$p' a", [DisplayedLines("a", 3)]),
        ("sed -n '3,+4p;8q' a", [DisplayedLines("a", 3, 7)]),
        ("sed -n -e 1,2p -e 5,6p a", [DisplayedLines("a", 1, 2), DisplayedLines("a", 5, 6)]),
        ("sed 7q a", [DisplayedLines("a", 1, 7)]),
        ("nl -ba a | sed -n '3,7p'", [DisplayedLines("a", 3, 7)]),
        ("cat a | head -50 | tail -n 10", [DisplayedLines("a", 41, 50)]),
        ("tail -n +5 a | head -3", [DisplayedLines("a", 5, 7)]),
        ("tail -20 a | head -5", [DisplayedLines("a", -20, -16)]),
        ("cat a | cat", [DisplayedLines("a")]),
        ("awk 'NR>=3 && NR<=7' a", [DisplayedLines("a", 3, 7)]),
        ("awk 'NR==3,NR==7 {print NR\": \"$0}' a", [DisplayedLines("a", 3, 7)]),
        ("bat -p -r 3:7 a", [DisplayedLines("a", 3, 7)]),
        ("less a", [DisplayedLines("a")]),
        ("cat /etc/hosts", [DisplayedLines("/etc/hosts")]),
        ("python3 -c \"print(open('a.py').read())\"", [DisplayedLines("a.py")]),
        # Not sure, or not only shown.
        ("cat *.py", []),
        ("cat $x", []),
        ("cat a > b", []),
        ("cat a && rm a", []),
        ("cat a || cat b", []),
        ("cat a | grep x", []),
        ("cat a | sort", []),
        ("cat a | tee b", []),
        ("sed -i 's/a/b/' a", []),
        ("sed 's/a/b/' a", []),
        ("sed -n '/x/p' a", []),
        ("head -c 5 a", []),
        ("tail -f a", []),
        ("cat", []),
        ("cat <<EOF\nx\nEOF", []),
        ("wc -l a", []),
        ("ls", []),
        ("awk '{print $1}' a", []),
        ("for f in a; do cat $f; done", []),
        ("cat '", []),
    ],
)
def test_reads(text: str, shown: list[DisplayedLines]) -> None:
    assert list(reads(text)) == shown


# ---- searches ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "search"),
    [
        ("grep -rn foo .", Search("foo")),
        ("grep -rniE 'a|b' src tests | head -20", Search("a|b", ignore_case=True, paths=("src", "tests"))),
        (r"grep -rn 'a\|b(' .", Search(r"a|b\(")),
        ("grep -Rn --include='*.py' --exclude-dir=.git foo", Search("foo", globs=("*.py", "!.git/"))),
        ("grep -n foo a.py || true", Search("foo", paths=("a.py",))),
        ("grep -Fw -e 'a.b' a.py", Search("a.b", fixed=True, words=True, paths=("a.py",))),
        ("cd src && rg -n foo -g '*.py' -t rust", Search("foo", paths=("src",), globs=("*.py", "*.rs"))),
        ("rg -S foo", Search("foo", ignore_case=True)),
        ("git grep -n foo -- src", Search("foo", paths=("src",))),
        ("ag -Q foo lib", Search("foo", fixed=True, paths=("lib",))),
        ("grep foo", None),
        ("cat a | grep foo", None),
        ("grep -v foo a", None),
        ("grep -rn foo . | grep -v bar", None),
        ("grep -rn foo . > out", None),
        ("grep -rl foo . | xargs rm", None),
        ("grep -rn $x .", None),
        ("rg --files", None),
        ("ls", None),
        ("", None),
    ],
)
def test_searches(text: str, search: Search | None) -> None:
    assert searches(text) == search


@pytest.mark.parametrize(
    ("basic", "wanted"),
    [("a|b", r"a\|b"), (r"\(a\)\+", "(a)+"), ("[(|]x", "[(|]x"), (r"a\.b*", r"a\.b*"), ("f()", r"f\(\)"), ("[", "[")],
)
def test_basic_expressions_as_extended(basic: str, wanted: str) -> None:
    assert extended(basic) == wanted


@pytest.mark.parametrize(
    ("text", "find"),
    [
        ("find . -name '*.py'", Find(("*.py",))),
        ("find src tests -type f -iname a", Find(("a",), ("src", "tests"))),
        ("find . \\( -name a -o -name b \\) -not -path './x/*' | sort | head", Find(("a", "b"))),
        ("find", Find()),
        ("ls -la src", Find((), ("src",), recursive=False)),
        ("ls src/*.py", Find(("*.py",), ("src",), recursive=False)),
        ("ls -R", Find()),
        ("cd src && ls", Find((), ("src",), recursive=False)),
        ("rg --files -g '*.py' src", Find(("*.py",), ("src",))),
        ("git ls-files '*.py'", Find(("*.py",))),
        ("fd -e py", Find(("*.py",))),
        ("fd foo src", Find(("foo",), ("src",))),
        ("tree -L 2", Find()),
        ("find . -name a -delete", None),
        ("find . -name a -exec rm {} \\;", None),
        ("find . -name a | xargs rm", None),
        ("ls > out", None),
        ("cat a", None),
    ],
)
def test_finds(text: str, find: Find | None) -> None:
    assert finds(text) == find


# ---- writing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("cat > src/f <<'EOF'\na $x\nEOF", [Written("src/f", "a $x\n")]),
        ("cat <<'EOF' >> ./f\na\nEOF\n", [Written("f", "a\n", True)]),
        ("cat > f <<EOF\na \\$x costs 5$\nEOF", [Written("f", "a $x costs 5$\n")]),
        ("cat > f <<EOF\na $x\nEOF", []),
        ("cd src && tee f <<'EOF' > /dev/null\na\nEOF", [Written("src/f", "a\n")]),
        ("cat <<'EOF' | tee -a f\na\nEOF", [Written("f", "a\n", True)]),
        ("cat > a <<'A' && cat > b <<'B'\n1\nA\n2\nB\npytest", [Written("a", "1\n"), Written("b", "2\n")]),
        ("echo x y > f", [Written("f", "x y\n")]),
        ("echo -n 'x' >> f", [Written("f", "x", True)]),
        (r"echo -e 'a\tb' > f", [Written("f", "a\tb\n")]),
        (r"printf 'a\n%s\n' b c > f", [Written("f", "a\nb\na\nc\n")]),
        (r"printf '%d' 1 > f", []),
        ("printf 'x' | tee f", [Written("f", "x")]),
        ("cat > f <<< 'x y'", [Written("f", "x y\n")]),
        (": > f", [Written("f", "")]),
        ("> f", [Written("f", "")]),
        ("echo $x > f", []),
        ("echo x > $f", []),
        ("echo x > /dev/null", []),
        ("echo x 2> f", []),
        ("pytest > f", []),
        ("cat a > f", []),
        ("echo x | sort > f", []),
        ("echo x", []),
    ],
)
def test_writes(text: str, written: list[Written]) -> None:
    assert list(writes(text)) == written


BARE = "*** Begin Patch\n*** Add File: f\n+x\n*** End Patch\n"
BODY = "*** Begin Patch\n*** Add File: f\n+$x\n*** End Patch\n"


@pytest.mark.parametrize(
    ("text", "patch"),
    [
        (f"apply_patch <<'EOF'\n{BODY}EOF", ("codex", BODY)),
        (f"cd /app && apply_patch <<'PATCH'\n{BODY}PATCH\n", ("codex", BODY)),
        ("bash -lc " + shlex.quote(f"apply_patch <<EOF\n{BARE}EOF"), ("codex", BARE)),
        (f"apply_patch {shlex.quote(BODY)}", ("codex", BODY)),
        (f"cat <<'EOF' | apply_patch\n{BODY}EOF", ("codex", BODY)),
        ("git apply <<'EOF'\n--- a/f\nEOF", ("unified", "--- a/f\n")),
        ("git apply - <<'EOF' && pytest\n--- a/f\nEOF", ("unified", "--- a/f\n")),
        ("patch -p1 <<'EOF'\n--- a/f\nEOF", ("unified", "--- a/f\n")),
        ("git apply --check <<'EOF'\n--- a/f\nEOF", None),
        ("patch -p1 -R <<'EOF'\n--- a/f\nEOF", None),
        ("patch -p1 < x.diff", None),
        (f"cd src && apply_patch <<'EOF'\n{BODY}EOF", None),
        (f"apply_patch <<EOF\n{BODY}EOF", None),
        ("echo hi", None),
    ],
)
def test_patches(text: str, patch: tuple[str, str] | None) -> None:
    assert patches(text) == patch


CONTENT = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"))


@given(CONTENT)
def test_what_is_quoted_is_written_as_it_is(content: str) -> None:
    assert writes(f"printf %s {shlex.quote(content)} > f") == (Written("f", content),)
    assert writes(f"cat > f <<'E_O_F'\n{content}\nE_O_F\n") == (Written("f", content + "\n"),)


BITS = (
    "cat |sed -n |head |tail |-n|3,7p| a |grep -r |find |-name |ls |echo |printf |%s|'|\"|\\|$x|<<EOF|\nEOF\n|\n|&&|;|"
    ">|f|tee |apply_patch |(|)|{|`|rg |-e|=|--|-5|2>&1|bash -c |cd |..|/|timeout 5 |awk |é|\udc80|\0|git apply |<<<"
)
PIECES = st.lists(st.sampled_from(["|", *BITS.split("|")]), max_size=14).map("".join)


@given(PIECES | st.text())
def test_nothing_raises(text: str) -> None:
    for look in (parse, reads, searches, finds, writes, patches):
        look(text)
    assert same_command(text, text)
    same_command(text, "cat a")
