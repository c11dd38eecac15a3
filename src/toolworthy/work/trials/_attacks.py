"""Ways to pass a task without doing it, planted in its workspace to prove that its verifier withstands them."""

from __future__ import annotations

import shlex
from functools import cache
from pathlib import PurePosixPath

from toolworthy.base.loading import Strict, load_toml
from toolworthy.content import FIXTURES
from toolworthy.content.tasks import Step


class Attack(Strict):
    """One attack of ``fixtures/attacks.toml``."""

    id: str
    title: str
    run: str = ""
    """A shell command, run in the workspace."""
    python: str = ""
    """Inserted at the start of every Python file."""
    shell: str = ""
    """Inserted at the start of every shell script."""

    def steps(self, solution: tuple[Step, ...]) -> tuple[Step, ...]:
        """The steps of the attack; `solution` shows which programs a model would have to write."""
        written = [step.write for step in solution if step.write]
        planted = []
        for kind, text in ((".py", self.python), (".sh", self.shell)):
            if text:
                made = [path for path in written if PurePosixPath(path).suffix == kind]
                planted.append(Step(run=shlex.join(["python3", "-I", "-c", _load_attacks().plant, kind, text, *made])))
        return (*planted, *([Step(run=self.run)] if self.run else []))


class _File(Strict):
    plant: str
    attack: tuple[Attack, ...]


@cache
def _load_attacks() -> _File:
    return load_toml(_File, FIXTURES / "attacks.toml")


def attacks() -> tuple[Attack, ...]:
    """All known attacks."""
    return _load_attacks().attack
