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
"""Environment variable that holds a key if none is named. Never another vendor's: a key must not go to a different
company."""
SandboxKind = Literal["auto", "bubblewrap", "none"]
Number = Annotated[float, Field(strict=True)]
"""A number; not text, not a boolean."""
Tier = Literal["quick", "standard", "full"]
"""``quick``: whether each agent works at all. ``standard``: everything that agents meet. ``full``: long requests, too,
over every API in both modes."""


class EndpointName(Document):
    """The endpoint, as named by the user, and the wire API used."""

    name: str = ""
    """As the user named it."""
    provider: str = ""
    model: str = ""
    """The requested model."""
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
    """How the key was sent, if not as the provider expects it."""
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
    """The results of preflight."""

    apis: list[Api] = []
    """Wire APIs that the endpoint serves."""
    base_urls: dict[Api, str] = {}
    """Their base URLs; empty for the embedded oracle."""
    readings: list[str] = []
    """How the given URL was interpreted, if not literally."""
    refused: dict[str, str] = {}
    """Agent to the reason why it cannot work here."""
    server: str = ""
    """Id of the server, as it identifies itself; "" if it does not."""
    context: int | None = None
    """Context window in tokens, from the configuration or the list of models; null if neither has it."""


@dataclass(frozen=True)
class Budget:
    """What a run may use; None for no limit."""

    usd: Number | None = None
    tokens: int | None = None
    """Input and output together."""
    minutes: Number | None = None

    def __bool__(self) -> bool:
        return (self.usd, self.tokens, self.minutes) != (None, None, None)

    def after(self, before: Budget) -> Budget:
        """This budget; limits of money and tokens that are not given are those of the resumed run."""
        return replace(self, usd=self.usd or before.usd, tokens=self.tokens or before.tokens)


class AgentPrint(Document):
    """One fingerprint of an agent: the tools and the prompt that it sent."""

    version: str = ""
    tools: str = ""
    """Hash of the tools' names, descriptions and schemas, independent of their order."""
    tool_count: int = 0
    tool_chars: int = 0
    system: str = ""
    """Hash of the system prompt, without the parts that change from run to run."""
    system_chars: int = 0
    tasks: tuple[str, ...] = ()
    """The items in which it was seen: prompts depend on the task, for example on whether its folder is a git
    repository."""


class RecordedOptions(Document):
    """Options of a run."""

    trials: int = 0
    concurrency: int | None = None
    sandbox: SandboxKind = "auto"
    tier: Tier = "full"
    """The tier of the wire suite."""
    timeout_factor: Number = 1.0
    max_turns: int = 60
    toolset: str | None = Field(default=None, validation_alias=AliasChoices("toolset", "wear"))
    """Agent whose tools the built-in agent offered."""
    stream: bool = True
    reference: EndpointRecord | None = None
    """The reference endpoint that got the requests of a vendor's verifier, or of a recording, too."""
    until_decided: bool = False
    adapters: list[str] = []
    """Files of the user's own agents."""
    task_folders: list[str] = []
    """Folders of the user's own tasks."""
    case_paths: list[str] = []
    """Paths of the user's own cases."""
    own: dict[str, Any] = {}
    """Options that kinds of work added."""
    budget: Budget = Budget()
    prices: Prices | None = None
    limit: int | None = None
    """The most recorded requests to send again."""
    only: str | None = None
    """A glob over the recorded trials."""


class Replayed(Document):
    """The recording that was replayed."""

    of: str = ""
    """The recording, as the user named it."""
    recording: str = ""
    """The name of its file or folder."""
    recorded: EndpointRecord = EndpointRecord()
    """The recorded endpoint, from the recording's ``run.json``; empty texts if unknown."""


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
    """Plugins that were loaded: the version of a package, a SHA-256 of a folder; None if unknown."""
    agents: dict[str, str] = {}
    """Agent to its version."""
    tasks: dict[str, str] = {}
    """Task to a SHA-256 of all its files."""
    cases: dict[str, str] = {}
    """Case, or file of a public benchmark, to a hash of its content."""
    toolsets: list[str] = Field(default=[], validation_alias=AliasChoices("toolsets", "toolsets"))
    """Agents whose tools the cases offered."""
    toolset_hashes: dict[str, str] = Field(default={}, validation_alias=AliasChoices("toolset_hashes", "words"))
    """Hash of the tools in the adapter of each of these agents."""
    selected: list[str] | None = None
    """The items that pytest selected, in order: trials, cases, probes, and `rules/CODE`; null for all."""
    planned: dict[str, int] = {}
    """By suite: how many trials, cases and probes were planned; more than the results if the run was cut short."""
    options: RecordedOptions = RecordedOptions()
    preflight: PreflightRecord = PreflightRecord()
    server: dict[str, list[str]] = {}
    """Names and versions that the server reports about itself. A list that ends in `…` is truncated."""
    fingerprints: dict[str, list[AgentPrint]] = {}
    """Agent to its fingerprints, usually one."""
    replay: Replayed | None = None
    """The recording of a replay."""

    @model_validator(mode="before")
    @classmethod
    def _of_before(cls, value: Any) -> Any:
        """Older replays stored their reference in another field."""
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
        """The keys of the run's endpoints that `environ` still has: none may get into a file."""
        variables = frozenset[str]().union(
            *(endpoint.variables for endpoint in (self.endpoint, self.options.reference) if endpoint)
        )
        return (environ.get(variable, "").strip() for variable in sorted(variables))
