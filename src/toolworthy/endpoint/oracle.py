"""Names of the reference endpoint: ``oracle``; ``oracle@PROVIDER`` has a dialect, ``oracle:ID,ID`` defects."""

from __future__ import annotations

from toolworthy.base.errors import ToolworthyError

ORACLE = "oracle"


def names(name: str) -> bool:
    """Whether `name` is a name of the reference endpoint."""
    return name.partition(":")[0].partition("@")[0] == ORACLE


def dialect(name: str) -> str:
    """The provider whose dialect is named; "" for none."""
    return name.partition(":")[0].partition("@")[2]


def injected(name: str) -> tuple[str, ...]:
    """Ids of the named defects."""
    return tuple(one for one in name.partition(":")[2].split(",") if one)


def in_dialect(name: str, provider: str | None) -> str:
    """The name of the reference endpoint in a provider's dialect; `name` if no provider is given.

    Raises:
        ToolworthyError: `name` is another endpoint.
    """
    if not provider:
        return name
    if not names(name):
        raise ToolworthyError("--dialect belongs to --endpoint oracle. Other endpoints have their own.")
    return f"{ORACLE}@{provider}:{','.join(injected(name))}".removesuffix(":")
