"""The keys of a run's endpoints, as far as this process still has them: none of them may get into its files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from toolworthy.endpoint.target import KEY_ENV
from toolworthy.wire.lenient import as_dict, as_str


def keys_of(about: Mapping[str, object], environ: Mapping[str, str] | None = None) -> Iterator[str]:
    """What the environment holds under the names that ``run.json`` gives.

    Args:
        about: the content of ``run.json``.
        environ: environment variables; the process' own if None.
    """
    environ = os.environ if environ is None else environ
    reference = as_dict(as_dict(about.get("options")).get("reference"))
    replay = as_dict(as_dict(about.get("replay")).get("reference"))
    endpoints = (as_dict(about.get("endpoint")), as_dict(about.get("reference")), reference, replay)
    variables = {as_str(endpoint.get("key_env")) or KEY_ENV for endpoint in endpoints}
    own = [as_str(value) for endpoint in endpoints for value in as_dict(endpoint.get("headers")).values()]
    variables |= {value.removeprefix("env:") for value in own if value.startswith("env:")}
    yield from (environ.get(variable, "").strip() for variable in sorted(variables))
