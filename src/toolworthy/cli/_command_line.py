"""A key on the command line is refused before a parser, a message or a report can repeat it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from toolworthy.base.errors import ToolworthyError
from toolworthy.base.redact import looks_like_key

_PUT = "put it into an environment variable and name that with --key-env NAME"
_BEGINS = re.compile(
    r"\W*(?:Bearer\s+\S|(?:sk|rk|pk|gsk|csk)[-_](?=\S*\d)\S{6}|(?:nvapi|glpat)-\S{6}|gh[pousr]_\w{6}|AIza[\w-]{8}"
    r"|AKIA[A-Z0-9]{8}|eyJ[\w-]{8})"
)
_WITHIN = re.compile(r"(?:^|[^A-Za-z0-9])(?:sk|gsk|csk|nvapi|glpat|hf|xai|pplx)[-_](?=[\w-]*\d)[\w-]{16}")
"""Prefixes of keys, as arguments and within them. Names of models and folders share some of them."""
_VARIABLE = re.compile(r"(?:KEY|TOKEN|SECRET|PASSWORD)$", re.IGNORECASE)
_OPTION = re.compile(r"-(?:[a-z]*key|token|secret|password|passwd|credentials?|authorization|auth|cookie)$")
"""Suffixes of options that would take a key; toolworthy has none."""
_KNOWN = re.compile(r"(?=.*\d)[^/].{11,}")
"""A variable's value that is a key, not a placeholder or a path."""


def refuse_keys(arguments: Iterable[str], environ: Mapping[str, str]) -> None:
    """Refuse arguments that are or contain a key.

    Args:
        arguments: of the command line, without the program.
        environ: environment variables, whose keys are recognized in any form.

    Raises:
        ToolworthyError: in one line, without any part of it.
    """
    held = (value.strip() for name, value in environ.items() if _VARIABLE.search(name))
    keys = [value for value in held if _KNOWN.fullmatch(value)]
    for option, value in _pairs(arguments):
        if _OPTION.search(option):
            raise ToolworthyError(f"there is no option {option}: {_PUT}")
        if _is_key(value) or any(key in value for key in keys):
            raise ToolworthyError(f"{option or 'an argument'} is given what looks like a key: {_PUT}")


def _is_key(text: str) -> bool:
    return bool(_BEGINS.match(text) or _WITHIN.search(text)) or ("/" not in text and looks_like_key(text, shapes=False))


def _pairs(arguments: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Every argument with the option that it belongs to, if any; an option by itself has no value."""
    before = ""
    for argument in arguments:
        option = re.match(r"-[A-Za-z]|--[a-z][a-z-]{0,24}(?==|$)", argument)
        before = option[0] if option else before
        yield before, argument[option.end() :].removeprefix("=") if option else argument
        before = before if option else ""
