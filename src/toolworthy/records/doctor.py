"""What ``toolworthy doctor --json`` prints."""

from __future__ import annotations

from typing import Literal

from toolworthy.records.meta import EndpointRecord
from toolworthy.records.model import Document
from toolworthy.wire.ir import Api, ReasoningForm

DOCTOR_VERSION = 1
"""Incremented when a key is renamed or removed, not when one is added."""
Answer = Literal["yes", "no", "unknown"]
CheckState = Literal["ok", "bad", "unknown", "absent", "note"]
AgentState = Literal["works", "translated", "proxy", "cannot"]
"""``works``: with its own settings; ``translated``: through the proxy, which translates; ``proxy``: through the proxy,
because its settings cannot express what the endpoint requires; ``cannot``: not at all."""


class DoctorCheck(Document):
    """One check of preflight."""

    name: str
    state: CheckState
    detail: str


class WireApiReport(Document):
    """The abilities of one wire API of the endpoint."""

    api: Api
    base_url: str
    streaming: Answer
    tools: Answer
    """``no``: requests with tools are rejected; ``unknown``: the model made no call."""
    parallel_calls: Answer
    """Whether one response had two calls; ``unknown``: it had one, which may be the model's choice."""
    thinking: list[ReasoningForm] = []
    """Forms of reasoning in its responses."""
    findings: list[str] = []
    """Codes of the rules that its responses violate."""
    detail: str = ""
    """Reasons for unknown values."""


class ContextReport(Document):
    """The context window, in tokens."""

    declared: int | None = None
    """As declared by the endpoint or its configuration."""
    accepted: int | None = None
    """The longest input that was answered, in the endpoint's count; None if this was not tested."""
    refused: int | None = None
    """The estimated shortest input that was rejected or truncated; None if none was."""
    detail: str = ""


class SettingsFile(Document):
    """A file to write, with its complete content."""

    path: str
    """Relative to the home folder: ``~/…``."""
    content: str
    key_variable: str | None = None
    """The content has ``${NAME}`` where the key belongs: replace it by the value of this variable."""


class SettingsReport(Document):
    """The settings for one agent."""

    base_url: str
    env: dict[str, str] = {}
    """Values may refer to the key's variable as ``${NAME}``, and begin with ``~/``."""
    files: list[SettingsFile] = []
    setup: list[list[str]] = []
    """Commands that are run once, before the first start."""
    start: list[str] = []
    """The command that starts the agent."""


class AgentReport(Document):
    """Whether and how one agent works with the endpoint."""

    id: str
    title: str
    state: AgentState
    why: str = ""
    api: Api
    """The wire API in the agent's settings."""
    endpoint_api: Api
    """The wire API that the endpoint receives."""
    proxy: list[str] = []
    """The command that must run alongside the agent; empty if none is needed."""
    settings: SettingsReport | None = None
    """None if there is nothing to set."""


class Spent(Document):
    """The cost of the checks."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    usd: float | None = None
    """None if no price is known."""
    seconds: float = 0.0


class DoctorReport(Document):
    """The report on one endpoint."""

    version: int = DOCTOR_VERSION
    toolworthy: str
    endpoint: EndpointRecord
    key: Literal["accepted", "none"]
    models: list[str] = []
    """Ids of the models that it lists; empty if it has no list."""
    checks: list[DoctorCheck] = []
    apis: list[WireApiReport] = []
    context: ContextReport = ContextReport()
    agents: list[AgentReport] = []
    setup: str = ""
    """Settings that the provider's users must make on the server."""
    spent: Spent = Spent()
