"""The model of ``run.json``, from which the published schema is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, Field, model_validator

from toolworthy.content.providers import Prices
from toolworthy.records.model import Document
from toolworthy.wire.declaration import Auth
from toolworthy.wire.ir import Api

SCHEMA = 1
"""Version of the run directory's layout."""
KEY_ENV = "TOOLWORTHY_API_KEY"
"""Environment variable that holds a key if none is named. Never another vendor's: a key must not be sent to a
stranger."""
SandboxKind = Literal["auto", "bubblewrap", "none"]
Number = Annotated[float, Field(strict=True)]
"""None of text, and no truth value."""
Tier = Literal["quick", "standard", "full"]
"""``quick``: does it work at all, for each agent. ``standard``: all that agents meet. ``full``: what is long is sent
over every API, in every way."""


class EndpointName(Document):
    """Which endpoint it is, and how it was spoken to."""

    name: str = ""
    """As the user named it."""
    provider: str = ""
    model: str = ""
    """What was asked for."""
    forced_api: Api | None = None
    """The wire API that every agent was translated to."""


class EndpointRecord(EndpointName):
    """An endpoint, without its key."""

    base_urls: dict[Api, str] = {}
    key_env: str | None = None
    """Environment variable that held the key."""
    context: int | None = None
    """Context window in tokens."""
    headers: dict[str, str] = {}
    """Further headers of every request; ``env:NAME`` for what an environment variable held."""
    auth: Auth | None = None
    """How the key was sent, where not as the provider has it."""
    query: dict[str, str] = {}
    """Parameters of every URL."""
    extra_body: dict[Api, dict[str, Any]] = {}
    """Wire API to fields of every completion request, which replaced what clients sent."""

    @property
    def title(self) -> str:
        """The endpoint in a few words."""
        return " · ".join(filter(None, (self.name, self.model))) or "an unknown endpoint"

    @property
    def variables(self) -> frozenset[str]:
        """Environment variables that held its secrets."""
        own = (value.removeprefix("env:") for value in self.headers.values() if value.startswith("env:"))
        return frozenset((self.key_env or KEY_ENV, *own))


class PreflightRecord(Document):
    """What preflight found."""

    apis: list[Api] = []
    """Wire APIs that the endpoint serves."""
    base_urls: dict[Api, str] = {}
    """Where they are; empty for the embedded oracle."""
    readings: list[str] = []
    """How the given URL was interpreted, if not literally."""
    refused: dict[str, str] = {}
    """Agent to why it cannot work here."""
    server: str = ""
    """Id of the server, as it identifies itself; "" if it does not."""
    context: int | None = None
    """Context window in tokens, as configured or as the list of models says; null where neither does."""


@dataclass(frozen=True)
class Budget:
    """What a run may spend; None for as much as it takes."""

    usd: Number | None = None
    tokens: int | None = None
    """Input and output together."""
    minutes: Number | None = None

    def __bool__(self) -> bool:
        return (self.usd, self.tokens, self.minutes) != (None, None, None)

    def after(self, before: Budget) -> Budget:
        """This budget, with the money and tokens of the run that is gone on with where nothing is said."""
        return replace(self, usd=self.usd or before.usd, tokens=self.tokens or before.tokens)


class AgentPrint(Document):
    """One fingerprint of an agent: the tools and the prompt that it sent."""

    version: str = ""
    tools: str = ""
    """Hash of the tools' names, descriptions and schemas, in no order."""
    tool_count: int = 0
    tool_chars: int = 0
    system: str = ""
    """Hash of the system prompt, without what changes from run to run."""
    system_chars: int = 0
    tasks: tuple[str, ...] = ()
    """Where it was seen: prompts depend on the task, as where its folder is a git repository."""


class RecordedOptions(Document):
    """Options of a run."""

    trials: int = 0
    concurrency: int | None = None
    sandbox: SandboxKind = "auto"
    tier: Tier = "full"
    """How many probes of ``suites/wire`` were to be asked."""
    timeout_factor: Number = 1.0
    max_turns: int = 60
    toolset: str | None = Field(default=None, validation_alias=AliasChoices("toolset", "wear"))
    """Agent whose tools the built-in agent offered."""
    stream: bool = True
    reference: EndpointRecord | None = None
    """Asked the requests of a vendor's verifier, or of a recording, too."""
    until_decided: bool = False
    adapters: list[str] = []
    """Files of the user's own agents."""
    task_folders: list[str] = []
    """Folders of the user's own tasks."""
    case_paths: list[str] = []
    """Where the user's own cases are."""
    own: dict[str, Any] = {}
    """Options that kinds of work added."""
    budget: Budget = Budget()
    prices: Prices | None = None
    limit: int | None = None
    """How many recorded requests were to be sent again at most."""
    only: str | None = None
    """A glob over the recorded trials."""


class Replayed(Document):
    """What was sent again."""

    of: str = ""
    """The recording, as the user named it."""
    recording: str = ""
    """Its file's or folder's name."""
    recorded: EndpointRecord = EndpointRecord()
    """The recorded endpoint, as its own ``run.json`` says it; empty texts where nothing is known of it."""


class ProxyRecord(Document):
    """What ``toolworthy proxy`` writes next to its recording."""

    toolworthy: str = ""
    started: Annotated[float, Field(ge=0, lt=2**37)] = 0.0
    """Unix time, seconds."""
    endpoint: EndpointRecord = EndpointRecord()


class RunMeta(ProxyRecord):
    """``run.json``, of a run of suites or of a replay."""

    version: int = Field(default=SCHEMA, alias="schema", json_schema_extra={"const": SCHEMA})
    """Version of the run directory's layout."""
    python: str = ""
    platform: str = ""
    command: str = ""
    plugins: dict[str, str] | None = None
    """Plugins that were loaded: the version of a package, a SHA-256 of a folder; None where that is not known."""
    agents: dict[str, str] = {}
    """Agent to its version."""
    tasks: dict[str, str] = {}
    """Task to a SHA-256 of all its files."""
    cases: dict[str, str] = {}
    """Case, or file of the field's, to a hash of what it says."""
    toolsets: list[str] = Field(default=[], validation_alias=AliasChoices("toolsets", "toolsets"))
    """Agents whose tools the cases offered."""
    toolset_hashes: dict[str, str] = Field(default={}, validation_alias=AliasChoices("toolset_hashes", "words"))
    """For each of them, a hash of the tools that its adapter describes."""
    selected: list[str] | None = None
    """What pytest selected, in its order: trials, cases, probes, and `rules/CODE`; null for everything."""
    planned: dict[str, int] = {}
    """By suite: how many trials, cases and probes there were to measure; more than there are results where it was cut
    short."""
    options: RecordedOptions = RecordedOptions()
    preflight: PreflightRecord = PreflightRecord()
    server: dict[str, list[str]] = {}
    """What the server says of itself. A list that ends in `…` went on."""
    fingerprints: dict[str, list[AgentPrint]] = {}
    """Agent to its faces, usually one."""
    replay: Replayed | None = None
    """Of a replay: what was sent again."""

    @model_validator(mode="before")
    @classmethod
    def _of_before(cls, value: Any) -> Any:
        """Replays once named their reference elsewhere."""
        replay = value.get("replay") if isinstance(value, dict) else None
        if isinstance(replay, dict) and (reference := replay.pop("reference", None)):
            value["options"] = {**value.get("options", {}), "reference": reference}
        return value

    @property
    def served(self) -> EndpointRecord:
        """The endpoint, with the base URLs at which preflight found it."""
        urls = self.preflight.base_urls
        return self.endpoint.model_copy(update={"base_urls": urls}) if urls else self.endpoint

    def secrets(self, environ: Mapping[str, str]) -> Iterator[str]:
        """The keys of the run's endpoints, as far as `environ` still has them: none may get into a file."""
        variables = frozenset[str]().union(
            *(endpoint.variables for endpoint in (self.endpoint, self.options.reference) if endpoint)
        )
        return (environ.get(variable, "").strip() for variable in sorted(variables))
