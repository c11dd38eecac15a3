"""What ``run.json`` says: a model of it, by which one is read and which the published schema is made of.

It is put together elsewhere as a plain object; the tests hold the model to real runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from toolworthy.content.adapters import Prices
from toolworthy.wire.declaration import Auth
from toolworthy.wire.ir import Api
from toolworthy.work.probes.tiers import Tier
from toolworthy.work.run.fingerprint import AgentPrint

SandboxKind = Literal["auto", "bubblewrap", "none"]
SCHEMA = 1
"""Version of the run directory's layout."""


@dataclass(frozen=True)
class Budget:
    """What a run may spend; None for as much as it takes."""

    usd: float | None = None
    tokens: int | None = None
    """Input and output together."""
    minutes: float | None = None

    def __bool__(self) -> bool:
        return (self.usd, self.tokens, self.minutes) != (None, None, None)

    def after(self, before: Mapping[str, Any] | None) -> Budget:
        """This budget, with the money and tokens of the run that is gone on with where nothing is said."""
        old = before or {}
        return replace(self, usd=self.usd or old.get("usd"), tokens=self.tokens or old.get("tokens"))


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EndpointTold(Strict):
    """An endpoint, without its key."""

    name: str
    """As the user named it."""
    provider: str
    model: str
    """What was asked for."""
    base_urls: dict[Api, str]
    key_env: str | None
    """Environment variable that held the key."""
    forced_api: Api | None
    """The wire API that every agent was translated to."""
    context: int | None
    """Context window in tokens."""
    headers: dict[str, str] = {}
    """Further headers of every request; ``env:NAME`` for what an environment variable held."""
    auth: Auth | None = None
    """How the key was sent, where not as the provider has it."""


class PreflightTold(Strict):
    """What preflight found."""

    apis: list[Api]
    """Wire APIs that the endpoint serves."""
    base_urls: dict[Api, str]
    """Where they are; empty for the embedded oracle."""
    readings: list[str]
    """How what the user gave was read, where not as it stands."""
    refused: dict[str, str]
    """Agent to why it cannot work here."""
    server: str = ""
    """Id of the provider whose server it is, by its own word; "" where it does not say."""


class Told(Strict):
    """What every ``run.json`` says."""

    version: int = Field(alias="schema", json_schema_extra={"const": SCHEMA})
    """Version of the run directory's layout."""
    toolworthy: str
    python: str
    platform: str
    command: str
    started: Annotated[float, Field(ge=0, lt=2**37)]
    """Unix time, seconds."""
    endpoint: EndpointTold


class Options(Strict):
    """Options of a run."""

    trials: int
    concurrency: int | None
    sandbox: SandboxKind
    tier: Tier = "standard"
    """How many probes of ``suites/wire`` were to be asked."""
    timeout_factor: float
    max_turns: int
    wear: str | None
    """Agent whose tools the built-in agent wore."""
    stream: bool
    reference: EndpointTold | None
    """Asked a vendor verifier's requests, too."""
    until_decided: bool
    adapters: list[str]
    """Files of the user's own agents."""
    task_folders: list[str]
    """Folders of the user's own tasks."""
    case_paths: list[str]
    """Where the user's own cases are."""
    budget: Budget
    prices: Prices | None


class Run(Told):
    """``run.json`` of a run of suites."""

    agents: dict[str, str]
    """Agent to its version."""
    tasks: dict[str, str]
    """Task to a SHA-256 of all its files."""
    cases: dict[str, str]
    """Case, or file of the field's, to a hash of what it says."""
    vocabularies: list[str]
    """Agents in whose words cases were to be asked."""
    words: dict[str, str]
    """For each of them, a hash of the tools that its adapter describes."""
    selected: list[str] | None
    """What pytest selected, in its order: trials, cases, probes, and `rules/CODE`; null for everything."""
    planned: dict[str, int] = {}
    """By suite: how many trials, cases and probes there were to measure; more than there are results where it was cut
    short."""
    options: Options
    preflight: PreflightTold | None = None
    server: dict[str, list[str]] = {}
    """What the server says of itself. A list that ends in `…` went on."""
    fingerprints: dict[str, list[AgentPrint]] = {}
    """Agent to its faces, usually one."""


class ReplayOptions(Strict):
    """Options of a replay."""

    trials: int
    concurrency: int
    limit: int | None
    only: str | None


class Replayed(Strict):
    """What was sent again."""

    of: str
    """The recording, as the user named it."""
    recording: str
    """Its file's or folder's name."""
    recorded: dict[str, Any]
    """The recorded endpoint, as its own ``run.json`` says it; empty where nothing is known of it."""
    reference: EndpointTold | None
    """Asked only to learn how far the recorded endpoint agrees with itself."""


class ReplayRun(Told):
    """``run.json`` of a replay."""

    agents: dict[str, str]
    tasks: dict[str, str]
    replay: Replayed
    options: ReplayOptions


_OTHER_VERSIONS = ("missing", "extra_forbidden")
"""Earlier versions may have written fewer fields, later ones more: no mistake of who wrote it."""


def mistake(text: bytes, *, replay: bool) -> str:
    """Where a ``run.json`` holds what none does, and what should be there; empty where all of it can be used.

    Args:
        text: JSON, an object.
        replay: whether it is of a replay.
    """
    try:
        (ReplayRun if replay else Run).model_validate_json(text, strict=True)
    except ValidationError as error:
        for one in error.errors(include_url=False, include_input=False):
            if one["type"] not in _OTHER_VERSIONS:
                return f"{'.'.join(map(str, one['loc']))}: {one['msg'][0].lower()}{one['msg'][1:]}"
    return ""
