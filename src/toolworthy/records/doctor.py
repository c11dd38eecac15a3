"""What ``toolworthy doctor --json`` prints."""

from __future__ import annotations

from typing import Literal

from toolworthy.records.meta import EndpointRecord
from toolworthy.records.model import Document
from toolworthy.wire.ir import Api, ReasoningForm

DOCTOR_VERSION = 1
"""Changes where a key is renamed or removed; a new one changes nothing."""
Answer = Literal["yes", "no", "unknown"]
CheckState = Literal["ok", "bad", "unknown", "absent", "note"]
AgentState = Literal["works", "translated", "proxy", "cannot"]
"""``works``: with its own settings; ``translated``: through the proxy, which translates; ``proxy``: through the proxy,
because its settings cannot say what the endpoint wants; ``cannot``: not at all."""


class DoctorCheck(Document):
    """One thing that preflight looked at."""

    name: str
    state: CheckState
    detail: str


class WireApiReport(Document):
    """What one wire API of the endpoint does."""

    api: Api
    base_url: str
    streaming: Answer
    tools: Answer
    """``no``: a request with tools is refused; ``unknown``: the model called none."""
    parallel_calls: Answer
    """Whether one response held two calls; ``unknown``: it held one, which may be the model's choice."""
    thinking: list[ReasoningForm] = []
    """Forms of the reasoning that came."""
    findings: list[str] = []
    """Codes of the rules that its response breaks."""
    detail: str = ""
    """Why something is not known."""


class ContextReport(Document):
    """The context window, in tokens."""

    declared: int | None = None
    """As the endpoint or its configuration says."""
    accepted: int | None = None
    """The longest input that was answered, as the endpoint counts it; None where it was not looked for."""
    refused: int | None = None
    """The shortest input that was refused or cut, by estimate; None where none was."""
    detail: str = ""


class SettingsFile(Document):
    """A file to write, whole."""

    path: str
    """From the home folder on: ``~/…``."""
    content: str
    key_variable: str | None = None
    """The content has ``${NAME}`` where the key belongs: replace it by the value of this variable."""


class SettingsReport(Document):
    """What a person sets for one agent."""

    base_url: str
    env: dict[str, str] = {}
    """Values may refer to the key's variable as ``${NAME}``, and begin with ``~/``."""
    files: list[SettingsFile] = []
    setup: list[list[str]] = []
    """Commands that are run once, before the first start."""
    start: list[str] = []
    """The command that starts the agent."""


class AgentReport(Document):
    """Whether one agent works there, and how."""

    id: str
    title: str
    state: AgentState
    why: str = ""
    api: Api
    """The wire API that the agent is set to."""
    endpoint_api: Api
    """The one that the endpoint is asked in."""
    proxy: list[str] = []
    """The command that must run beside the agent; empty where none must."""
    settings: SettingsReport | None = None
    """None where there is nothing to set."""


class Spent(Document):
    """What looking took."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    usd: float | None = None
    """None where no price is known."""
    seconds: float = 0.0


class DoctorReport(Document):
    """An endpoint, as agents meet it."""

    version: int = DOCTOR_VERSION
    toolworthy: str
    endpoint: EndpointRecord
    key: Literal["accepted", "none"]
    models: list[str] = []
    """Ids of the models that it lists; empty where it has no list."""
    checks: list[DoctorCheck] = []
    apis: list[WireApiReport] = []
    context: ContextReport = ContextReport()
    agents: list[AgentReport] = []
    setup: str = ""
    """What the provider's users must set on the server."""
    spent: Spent = Spent()
