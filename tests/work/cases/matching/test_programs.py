"""Two calls of a described program are one where they do the same, and two where they do not."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from toolworthy.base.errors import ToolworthyError
from toolworthy.work.cases.matching.programs import Invocation, ProgramCall, described, invocation, programs

SAME = [
    ("kubectl -n shop delete pod/web-1", "kubectl delete pods web-1 --namespace=shop"),
    ("kubectl get pods -n shop", "kubectl get po -n=shop -o wide"),
    ("kubectl get pods", "kubectl get pods -n default"),
    ("docker compose logs db -n 20", "docker compose logs --tail=20 db"),
    ("docker compose up -d db", "docker compose -f compose.yaml up --detach db"),
    ("docker run -d -e A=1 web serve -d", "docker run -e A=1 --detach web serve -d"),
    ("docker ps", "docker container ls"),
    ("systemctl restart fetcher", "systemctl --no-pager restart fetcher.service"),
    ("npm test", "npm run test"),
    ("npm t", "npm test --silent"),
    ("pytest -m 'not slow'", "pytest -q --tb=short -ra -m 'not slow'"),
    ("pytest tests/a.py", "pytest ./tests/a.py -vv --no-header"),
    ("make -C firmware", "make -j4 --directory=firmware"),
    ("make SUITE=unit verify", "make verify SUITE=unit"),
    ("curl http://x/health", "curl -sS -X GET http://x/health"),
    ("ruff check src", "ruff check src/ --no-cache"),
    ("pip install -q attrs", "pip3 install attrs --no-cache-dir"),
]
OTHER = [
    ("kubectl delete pod web-1", "kubectl delete pod web-1 -n shop"),
    ("kubectl delete pod web-1", "kubectl delete pod web-2"),
    ("kubectl delete pod web-1", "kubectl delete deployment web-1"),
    ("kubectl delete pod web-1", "kubectl delete pod web-1 --force"),
    ("kubectl get pods -n shop", "kubectl get pods -A"),
    ("docker compose up -d db", "docker compose up db"),
    ("docker compose up -d db", "docker compose -f other.yaml up -d db"),
    ("docker compose logs -n 20 db", "docker compose logs -f -n 20 db"),
    ("docker run web serve -d", "docker run -d web serve"),
    ("docker run -e A=1 web", "docker run -e A=2 web"),
    ("docker stop web", "podman stop web"),
    ("systemctl restart fetcher", "systemctl stop fetcher"),
    ("systemctl restart fetcher", "systemctl --user restart fetcher"),
    ("npm test", "yarn test"),
    ("npm test", "npm start"),
    ("pytest -m 'not slow'", "pytest -m slow"),
    ("pytest tests/a.py", "pytest tests/a.py -k x"),
    ("pytest tests/a.py", "pytest tests/a.py -x"),
    ("make -C firmware", "make firmware"),
    ("make check", "make -B check"),
    ("curl http://x/health", "curl -X POST http://x/health"),
    ("curl http://x/health", "curl http://x/health -o health.json"),
    ("pip install attrs", "pip install attrs==23.1"),
    ("pip install attrs", "pip install -U attrs"),
]


def form(line: str, folder: str = "/app", **env: str) -> Invocation:
    return invocation(ProgramCall(tuple(shlex.split(line)), folder, env))


@pytest.mark.parametrize(("one", "two"), SAME)
def test_same(one: str, two: str) -> None:
    assert form(one) == form(two)


@pytest.mark.parametrize(("one", "two"), OTHER)
def test_other(one: str, two: str) -> None:
    assert form(one) != form(two)


@pytest.mark.parametrize(
    ("line", "looks"),
    [
        ("kubectl get pods", True),
        ("kubectl delete pod x", False),
        ("kubectl delete pod x --dry-run=client", True),
        ("make check", False),
        ("make -n check", True),
        ("curl http://x", False),
        ("curl -d a=1 http://x", False),
        ("docker compose ps", True),
        ("docker compose down", False),
        ("ruff check", True),
        ("ruff check --fix", False),
        ("npm ls", True),
        ("npm install x", False),
        ("nobody-knows-it --now", False),
    ],
)
def test_looks_have_no_effect(line: str, looks: bool) -> None:
    assert form(line).looks == looks


def test_the_folder_counts_where_it_matters() -> None:
    assert form("make check") != form("make check", "/app/firmware")
    assert form("make -C firmware") == form("make", "/app/firmware")
    assert form("pytest tests") != form("pytest tests", "/app/web")
    assert form("systemctl stop x") == form("systemctl stop x", "/tmp")


def test_variables_count_but_for_those_of_looks() -> None:
    assert form("pytest", DEBUG="1") != form("pytest")
    assert form("pytest", NO_COLOR="1") == form("pytest")
    assert form("make verify", SUITE="unit") == form("make verify SUITE=unit")


def test_an_unknown_option_is_never_guessed_at() -> None:
    assert form("kubectl delete pod x --brand-new y") != form("kubectl delete pod x")
    assert form("kubectl delete --brand-new y pod x") != form("kubectl delete pod x --brand-new y")


def test_every_description_is_read_and_no_name_is_taken_twice() -> None:
    assert len(programs()) > 80
    for name, program in programs().items():
        for sub in ("", *program.sub):
            form(f"{name} {sub}")


def test_a_broken_description_is_an_error() -> None:
    with pytest.raises(ToolworthyError, match=r"x\.toml: x: unknown key 'flagz'; did you mean 'flags'\?"):
        described({"x": {"flagz": ""}}, Path("x.toml"))
