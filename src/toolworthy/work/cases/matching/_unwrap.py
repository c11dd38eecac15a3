"""Remove what agents put around a command: time limits, shortened output, another way to start the same tool."""

from __future__ import annotations

import re
from dataclasses import replace

from toolworthy.work.cases.matching._syntax import SimpleCommand, Word
from toolworthy.work.cases.matching.options import names, read, specs

_NAMES = {"python3": "python", "pip3": "pip", "py.test": "pytest", "nodejs": "node", "gmake": "make"}
_BIN = re.compile(r"/(usr/)?(local/)?bin/([^/]+)")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_SHORTEST = 10
"""The smallest time limit in seconds, and number of lines, that counts as a precaution without effect."""


def bare(command: SimpleCommand) -> SimpleCommand:
    """`command` without harmless wrappers and variables, under the usual name of its tool."""
    words, env = command.words, list(command.env)
    while words and words[0].literal:
        shorter = _unwrapped(words, env)
        if shorter is None:
            break
        words = shorter
    if words:
        env = [(name, value) for name, value in env if name not in names("lists")["harmless"]]
    if words and words[0].literal:
        words = _named(words)
    return replace(command, words=words, env=tuple(env))


def _unwrapped(words: tuple[Word, ...], env: list[tuple[str, Word]]) -> tuple[Word, ...] | None:
    """The wrapped command; variables given to ``env`` are added to `env`. None if there is no harmless wrapper."""
    name, rest = words[0].text, words[1:]
    if name == "time":
        return (rest[1:] if rest[:1] == (Word("-p"),) else rest) or None
    if name == "timeout":
        return _timed(rest)
    if name == "command":
        return rest if rest and not rest[0].text.startswith("-") else None
    if name == "stdbuf":
        while rest and re.fullmatch(r"-[ioe](L|\d+)", rest[0].text):
            rest = rest[1:]
        return rest or None
    if name in ("env", "/usr/bin/env"):
        variables = []
        while rest and rest[0].literal and re.match(r"[A-Za-z_]\w*=", rest[0].text):
            variable, _, value = rest[0].text.partition("=")
            variables.append((variable, Word(value)))
            rest = rest[1:]
        if rest and not rest[0].text.startswith("-"):
            env += variables
            return rest
    return None


def _timed(words: tuple[Word, ...]) -> tuple[Word, ...] | None:
    while words and words[0].text.startswith("-"):
        takes_next = words[0].text in ("-k", "-s", "--kill-after", "--signal")
        words = words[2 if takes_next else 1 :]
    match = _DURATION.fullmatch(words[0].text) if words else None
    if match is None or float(match[1]) * _SECONDS[match[2]] < _SHORTEST:
        return None
    return words[1:] or None


def _named(words: tuple[Word, ...]) -> tuple[Word, ...]:
    """The tool under its usual name: ``python3 -m pytest`` and ``/usr/bin/pytest`` are ``pytest``."""
    match = _BIN.fullmatch(words[0].text)
    name = match[3] if match else words[0].text
    name = _NAMES.get(name, name)
    rest = words[1:]
    if name == "egrep" or name == "fgrep":
        return (Word("grep"), Word("-E" if name == "egrep" else "-F"), *rest)
    if name != "python":
        return (Word(name), *rest)
    while rest and rest[0].text in ("-u", "-B"):
        rest = rest[1:]
    if len(rest) > 1 and rest[0].text == "-m" and rest[1].literal and rest[1].text in names("lists")["tools"]:
        return (Word(rest[1].text), *rest[2:])
    return (Word(name), *rest)


def inner(command: SimpleCommand) -> str | None:
    """The command line inside ``bash -lc '…'`` or ``( … )``, if there is nothing else."""
    if command.env or command.redirects:
        return None
    if command.compound.startswith("(") and command.compound.endswith(")") and not command.compound.startswith("(("):
        return command.compound[1:-1]
    shell = command.argv[:1] in (("bash",), ("sh",), ("zsh",))
    if shell and command.literal and len(command.words) == 3 and command.argv[1] in ("-c", "-lc", "-cl"):
        return command.argv[2]
    return None


# ---- tails ---------------------------------------------------------------------------------------------------------


def untail(commands: tuple[SimpleCommand, ...]) -> tuple[SimpleCommand, ...]:
    """Drop ``; echo $?`` and ``| head -50`` at the end if they only change what is displayed."""
    while len(commands) > 1:
        *before, last = commands
        if before[-1].then == ";" and _shows_status(last):
            commands = tuple(before)
        elif before[-1].then in ("|", "|&") and last.then in ("", ";") and _only_shortens(before[-1], last):
            commands = (*before[:-1], replace(before[-1], then=last.then))
        else:
            break
    return commands


def _shows_status(command: SimpleCommand) -> bool:
    if command.redirects or command.env or command.then not in ("", ";") or not command.words:
        return False
    rest = command.words[1:]
    status = [word for word in rest if not word.literal]
    plain = all(re.fullmatch(r'"?[^$`]*\$(\?|\{\?\}|\{PIPESTATUS\[0\]\})[^$`]*"?', word.text) for word in status)
    return command.argv[0] in ("echo", "printf") and bool(status) and plain


def _only_shortens(shown: SimpleCommand, cut: SimpleCommand) -> bool:
    """Whether `cut` leaves enough of the output of `shown`, and the case does not want that output itself."""
    if cut.redirects or cut.env or not cut.literal or not shown.words:
        return False
    if cut.argv == ("cat",):
        return True
    name = cut.argv[0] if cut.words else ""
    parsed = read(specs("compared")[name], cut.words[1:]) if name in ("head", "tail") else None
    if parsed is None or parsed.operands or any(option != "n" for option, _ in parsed.options):
        return False
    count = (parsed.values("n") or ["10"])[-1]
    least = 1 if name == "tail" else _SHORTEST
    enough = count.isdecimal() and int(count) >= least
    producer = shown.argv[0]
    cuttable = names("lists")["runners"] | names("lists")["tools"]
    return enough and (producer in cuttable or (name == "head" and producer in names("lists")["listers"]))
