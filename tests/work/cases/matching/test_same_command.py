"""Two command lines are the same only where they do the same."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from toolworthy.work.cases.matching.shell import parse, same_command

SAME = [
    ("pytest -q", "cd /app && pytest -q"),
    ("pytest -q", "cd /app; pytest -q"),
    ("pytest -q", "cd /app\npytest -q\n"),
    ("pytest -q", "python -m pytest -q"),
    ("pytest -q", "python3 -m pytest -q 2>&1 | head -50"),
    ("pytest -q", "python3 -u -m pytest -q 2>&1 | tail -5; echo $?"),
    ("pytest -q", 'pytest -q; echo "exit: $?"'),
    ("pytest -q", "timeout 60 pytest -q"),
    ("pytest -q", "timeout -k 5 2m pytest -q"),
    ("pytest -q", "time pytest -q;"),
    ("pytest -q", "PYTHONUNBUFFERED=1 CI=true pytest -q"),
    ("pytest -q", "env NO_COLOR=1 pytest --quiet | cat"),
    ("pytest -q", "bash -lc 'cd /app && pytest -q'"),
    ("pytest -q", "(cd /app && pytest -q)"),
    ("pytest -q", "set -o pipefail; pytest -q 2>&1 | tail -n 20"),
    ("pytest -q", "/usr/bin/pytest -q --color=no"),
    ("pytest -q", "cd src && cd .. && pytest -q"),
    ("pytest -q tests/test_a.py", "pytest ./tests/test_a.py -q"),
    ("pytest -q tests/test_a.py::test_x", "pytest -q /app/tests/test_a.py::test_x"),
    ("pytest -k 'a or b' -x", 'pytest -x -k "a or b"'),
    ("pytest --maxfail=1 -vv", "pytest -v --maxfail 1 -v"),
    ("pytest a.py b.py", "pytest b.py a.py"),
    ("ls -la", "ls -l -a"),
    ("ls -la", "ls -al ."),
    ("ls src", "cd src && ls"),
    ("ls -l src/", "ls -l /app/src"),
    ("cat src/a.py", "cd src && cat a.py"),
    ("cat src/a.py", "cat ./src/../src/a.py"),
    ("head -n 5 a", "head -5 a"),
    ("head -n 5 a", "head --lines=5 /app/a"),
    ("sed -n '3,7p' a", "sed -n 3,7p ./a"),
    ("sed -n '3,7p' a", "sed -ne 3,7p a"),
    ("sed -i 's/a/b/' f", 'sed -i "s/a/b/" ./f'),
    ("grep -rn foo .", "grep -n -r foo"),
    ("grep -rn foo src", "cd src && grep -rn foo ."),
    ("grep -e foo a", "grep 'foo' a"),
    ("egrep -r 'a|b' .", "grep -E -r 'a|b' ."),
    ("rg foo", "rg foo ."),
    ("find . -name '*.py'", 'find -name "*.py" -print'),
    ("find . -type f -name '*.py'", "find /app -name '*.py' -type f"),
    ("find . -name '*.py' 2>/dev/null", "find . -name '*.py' | head -100"),
    ("cp a b", "cp ./a /app/b"),
    ("rm -rf build", "rm -fr ./build/"),
    ("rm -rf build", "rm -r -f build"),
    ("mkdir -p a/b", "mkdir --parents a/b"),
    ("git diff --cached", "git --no-pager diff --staged"),
    ("git log -5", "git log -n 5"),
    ("git commit -am 'x y'", 'git commit -a -m "x y"'),
    ("git add a b", "git add b ./a"),
    ("npm test", "npm run test"),
    ("npm t", "npm test"),
    ("python a.py 1", "python3 ./a.py 1"),
    ("echo hi > a", "echo hi >./a"),
    ("echo hi > a 2>&1", "echo hi &> a"),
    ("cat > a <<'EOF'\nhi\nEOF", "cat <<END >/app/a\nhi\nEND\n"),
    ("./run.sh a", "/app/run.sh a"),
    ("go test ./...", "cd /app && go test ./... 2>&1"),
    ("foo 'a b'", "foo a\\ b"),
    ("a | b 2>&1", "a | b"),
]

OTHER = [
    ("pytest -x", "pytest"),
    ("pytest -q", "pytest -q -k a"),
    ("pytest -q -k a", "pytest -q"),
    ("pytest -q", "pytest -q || true"),
    ("pytest -q", "pytest -q; echo done"),
    ("pytest -q", "pytest -q > /dev/null"),
    ("pytest -q", "pytest -q > log"),
    ("pytest -q", "pytest -q | tee log"),
    ("pytest -q", "pytest -q | grep FAILED"),
    ("pytest -q", "pytest -q &"),
    ("pytest -q", "! pytest -q"),
    ("pytest -q", "timeout 1 pytest -q"),
    ("pytest -q", "PYTHONPATH=lib pytest -q"),
    ("pytest -q", "cd tests && pytest -q"),
    ("pytest -q", "cd /tmp && pytest -q"),
    ("pytest -q", "npx pytest -q"),
    ("pytest -q", "uv run pytest -q"),
    ("pytest -q", "pytest -q && rm -rf x"),
    ("pytest -q", "rm -rf x; pytest -q"),
    ("pytest -q", "pytest -q $(rm -rf x)"),
    ("pytest -q", "pytest -q | head -3"),
    ("pytest tests/a.py::x", "pytest tests/a.py::y"),
    ("pytest --foo a b", "pytest --foo b a"),
    ("cp a b", "cp b a"),
    ("mv a b", "mv b a"),
    ("mv a b", "cp a b"),
    ("cp a b", "cp a b/"),
    ("cp -r a b", "cp a b"),
    ("mv -t d a", "mv a d"),
    ("rm -- -r a", "rm -r a"),
    ("pytest | head -20 && rm x", "pytest && rm x"),
    ("pytest", "cd && pytest"),
    ("pytest", "cd /app || exit; pytest"),
    ("a; echo $(rm x) $?", "a"),
    ("a; echo $? > f", "a"),
    ("(a || b) && c", "a || b && c"),
    ("sed -e 1d -e 2d f", "sed -e 2d -e 1d f"),
    ("tail -n +5 a", "tail -n 5 a"),
    ("env -i pytest", "pytest"),
    ("python a.py < x", "python a.py"),
    ("mv a b", "mv -f a b"),
    ("cat a b", "cat b a"),
    ("cat a", "cat a | head -50"),
    ("cat a", "cat -n a"),
    ("cat a", "cd src && cat a"),
    ("rm a", "rm -f a"),
    ("rm -f -i a", "rm -i -f a"),
    ("rm build", "rm build2"),
    ("rm *.py", "rm '*.py'"),
    ("ls", "ls -a"),
    ("ls", "cd src && ls"),
    ("ls -t -S", "ls -S -t"),
    ("head -n 5 a", "head -n 6 a"),
    ("head -n 5 a", "tail -n 5 a"),
    ("head -n 5 a", "head -c 5 a"),
    ("sed 's/a/b/' f", "sed -i 's/a/b/' f"),
    ("sed -i 's/a/b/' f", "sed -i.bak 's/a/b/' f"),
    ("sed -n 3p f", "sed -n 3d f"),
    ("grep foo a", "grep -i foo a"),
    ("grep foo a", "grep ./foo a"),
    ("grep a b", "grep b a"),
    ("cat x | grep foo", "cat x | grep -r foo ."),
    ("rg foo", "cat x | rg foo"),
    ("find . -name a", "find . -iname a"),
    ("find . -name a", "find . -name a -delete"),
    ("find . -name a -o -name b", "find . -name b -name a"),
    ("find . -delete -name a", "find . -name a -delete"),
    ("go test ./...", "go test ..."),
    ("npm install ./a", "npm install a"),
    ("npm test", "npm start"),
    ("npm test", "yarn test"),
    ("git checkout -- a", "git checkout a"),
    ("git diff -- a", "git diff a"),
    ("git commit -m a", "git commit -m a --no-verify"),
    ("git push", "git push --force"),
    ("echo ./a", "echo a"),
    ("echo hi > a", "echo hi >> a"),
    ("echo hi > a", "echo hi > b"),
    ("echo hi 2>&1 > a", "echo hi > a 2>&1"),
    ("./run.sh", "run.sh"),
    ("./run.sh", "cd src && ./run.sh"),
    ("python a.py x y", "python a.py y x"),
    ("python -c 'print(1)'", "python -c 'print(2)'"),
    ("python -m http.server", "http.server"),
    ("a && b", "a; b"),
    ("a && b", "a || b"),
    ("a && b", "b && a"),
    ("a | b", "a 2>&1 | b"),
    ("a; cd src && cat x", "a; cd src && cat /app/x"),
    ("cat > a <<'EOF'\nhi $x\nEOF", "cat > a <<EOF\nhi $x\nEOF"),
    ("cat > a <<'EOF'\nhi\nEOF", "cat > a <<'EOF'\nho\nEOF"),
    ("echo $x", "echo '$x'"),
    ("command -v x", "x"),
    ("cargo test", "cargo test --release"),
    ("for i in a; do x; done", "for i in b; do x; done"),
    ("sudo pytest", "pytest"),
]


@pytest.mark.parametrize(("one", "two"), SAME)
def test_same(one: str, two: str) -> None:
    assert same_command(one, two)
    assert same_command(two, one)


@pytest.mark.parametrize(("one", "two"), OTHER)
def test_other(one: str, two: str) -> None:
    assert not same_command(one, two)
    assert not same_command(two, one)


def test_another_root() -> None:
    assert same_command("cat a", "cat /srv/a", root="/srv")
    assert not same_command("cat a", "cat /app/a", root="/work")


WORDS = st.text("abcxyz0123456789_", min_size=1, max_size=5)
OPERANDS = st.lists(WORDS, min_size=1, max_size=4, unique=True)
COMMANDS = st.sampled_from(
    ["cat", "cp", "mv", "rm", "ls", "grep", "pytest", "head", "tail", "wc", "touch", "sed", "git", "foo", "python"]
)
CHARACTERS = st.text("ab -./'\"$`\\\n|&;<>(){}*#=~!0E", max_size=30)


@given(COMMANDS, OPERANDS, st.data())
def test_a_changed_operand_is_another_command(name: str, operands: list[str], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(operands) - 1))
    other = data.draw(WORDS.filter(lambda word: word != operands[at]))
    changed = [*operands[:at], other, *operands[at + 1 :]]
    wanted = f"{name} {' '.join(operands)}"
    if sorted(changed) != sorted(operands):
        assert not same_command(wanted, f"{name} {' '.join(changed)}")
    assert not same_command(wanted, f"{name} {' '.join([*operands, other])}")
    assert same_command(wanted, f"cd /app && {name}  {' '.join(repr(word) for word in operands)} 2>&1")


@given(COMMANDS, OPERANDS, st.sampled_from("fikxnrvqa"), st.data())
def test_a_flag_more_is_another_command(name: str, operands: list[str], flag: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(operands)))
    assume(name != "pytest" or flag not in "qvr")
    more = " ".join([*operands[:at], f"-{flag}", *operands[at:]])
    assert not same_command(f"{name} {' '.join(operands)}", f"{name} {more}")


@given(
    st.sampled_from(["cp", "mv", "cat", "foo", "head", "diff", "sed"]), OPERANDS.filter(lambda words: len(words) > 1)
)
def test_the_order_of_operands_counts(name: str, operands: list[str]) -> None:
    assert not same_command(f"{name} {' '.join(operands)}", f"{name} {' '.join(reversed(operands))}")


@given(CHARACTERS, CHARACTERS)
def test_same_as_itself_and_both_ways_round(one: str, two: str) -> None:
    assert same_command(one, one)
    assert same_command(one, two) == same_command(two, one)


@given(st.text())
def test_never_raises(text: str) -> None:
    parse(text)
    assert same_command(text, text)
    same_command("pytest -q", text)
