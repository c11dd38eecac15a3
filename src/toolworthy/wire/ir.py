"""The neutral form that the wire APIs are read into and written from.

A conversation is read from one API's JSON into :class:`Request`, an answer into :class:`Response` (or, while it
streams, into a sequence of :data:`Event`), and written back as another API's JSON. Where both sides speak the same
API nothing here is used: the bytes pass through untouched.

Canonical shape, which every ``parse_request`` produces and every ``render_request`` accepts:

* tool results are in messages of role ``tool`` that hold nothing else; neighbouring results share one message;
* everything that the model said between two other roles is one ``assistant`` message, parts in order;
* a ``system``/``developer`` message keeps its place in the conversation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

Api = Literal["chat", "messages", "responses", "gemini"]
"""Names of the wire APIs; each is a package next to this module."""
APIS: tuple[Api, ...] = get_args(Api)

Role = Literal["system", "developer", "user", "assistant", "tool"]
StopReason = Literal["end", "tool", "length", "stop_sequence", "filter", "refusal", "pause", "error", "unknown"]
ReasoningForm = Literal[
    "reasoning_content",  # chat: DeepSeek, Qwen, GLM, Kimi, SGLang, llama.cpp
    "reasoning",  # chat: vLLM, OpenRouter's plain form, Ollama
    "reasoning_details",  # chat: OpenRouter, MiniMax with reasoning_split; `signature` holds the JSON of the details
    "thinking",  # messages: a thinking block; `signature` is the endpoint's
    "redacted_thinking",  # messages: no text; `signature` holds the data
    "reasoning_item",  # responses: a reasoning item; `signature` is its encrypted_content
    "thought",  # gemini: a part with `thought`; without text the signature of the call `id`, or of the text before it
]


@dataclass(frozen=True, slots=True)
class Text:
    """Plain text, from or to the model."""

    text: str


@dataclass(frozen=True, slots=True)
class Image:
    """A picture, as a ``data:`` URL (``data:image/png;base64,…``) or an ``https:`` one."""

    url: str


@dataclass(frozen=True, slots=True)
class Thinking:
    """The model's reasoning, and what its endpoint wants back with it on the next turn."""

    text: str
    form: ReasoningForm
    signature: str | None = None
    """Opaque to all but the endpoint that made it; must be replayed unchanged."""
    id: str | None = None
    """The item's id (responses), or that of the call that is signed (gemini)."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of one tool."""

    id: str
    name: str
    arguments: str
    """As the endpoint sent them: JSON text for a function, free text for a custom tool."""
    custom: bool = False
    namespace: str | None = None
    item_id: str | None = None
    """The id of the responses item, which is not the call's id."""

    @property
    def flat_name(self) -> str:
        """The name of its tool in an API without namespaces."""
        return f"{self.namespace}__{self.name}" if self.namespace else self.name


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What the agent's tool answered to a call."""

    call_id: str
    content: tuple[Text | Image, ...]
    is_error: bool = False
    custom: bool = False


@dataclass(frozen=True, slots=True)
class Opaque:
    """A part that only one API has (a server tool's block, a document); rendered to that API as it was."""

    api: Api
    value: Mapping[str, Any]


Part = Text | Image | Thinking | ToolCall | ToolResult | Opaque


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of one role, in the canonical shape of this module's docstring."""

    role: Role
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """All text parts, one below the other."""
        return "\n".join(part.text for part in self.parts if isinstance(part, Text))


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that a request offers."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] | None = None
    """JSON Schema of the arguments; None where none was sent."""
    custom: bool = False
    """Free-form: the argument is text, perhaps with a grammar, not JSON (responses only)."""
    grammar: Mapping[str, Any] | None = None
    namespace: str | None = None
    """The group the tool was offered in (Codex); `flat_name` is what other APIs call it."""
    strict: bool | None = None
    server: bool = False
    """Run by the endpoint itself (web search); `raw` is its JSON."""
    deferred: bool = False
    """Offered only by name, behind a search tool (messages: ``defer_loading``)."""
    raw: Mapping[str, Any] | None = None
    raw_api: Api | None = None

    @property
    def flat_name(self) -> str:
        """The name under which an API without namespaces offers this tool."""
        return f"{self.namespace}__{self.name}" if self.namespace else self.name


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """``auto``, ``none``, ``required`` (any tool) or ``named`` (the tool `name`)."""

    mode: Literal["auto", "none", "required", "named"]
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Reasoning:
    """How much the agent asked the model to think; None where it did not say."""

    enabled: bool | None = None
    effort: str | None = None
    budget_tokens: int | None = None
    summary: str | None = None
    chat_field: Literal["reasoning_content", "reasoning"] = "reasoning_content"
    """The field in which an agent that speaks chat expects it."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request for a completion."""

    model: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    stream: bool = False
    reasoning: Reasoning | None = None
    response_format: Mapping[str, Any] | None = None
    """In chat's form: ``{"type": "json_schema", "json_schema": {...}}`` or ``{"type": "json_object"}``."""
    user: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Top-level fields of the API it came from that have no neutral form, for the record."""

    def tool(self, flat_name: str) -> Tool | None:
        """The offered tool of that flat name, or None."""
        return next((tool for tool in self.tools if tool.flat_name == flat_name), None)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens. `input` counts all input tokens, cached ones included; None means the endpoint did not say."""

    input: int | None = None
    output: int | None = None
    cached: int | None = None
    cache_write: int | None = None
    """Written to a cache, for however long."""
    cache_write_1h: int | None = None
    """Of these, the ones that stay for an hour, if reported separately."""
    reasoning: int | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """An error that an endpoint reported, in an error body or in the middle of a stream."""

    message: str
    type: str = "api_error"
    code: str | None = None
    status: int | None = None
    """HTTP status; None inside a stream that began with 200."""


@dataclass(frozen=True, slots=True)
class Repair:
    """A deviation from the API that a parser tolerated."""

    code: str
    """Kebab-case, for instance ``missing-index``, ``missing-id``, ``no-done``, ``bad-json``, ``split-utf8``."""
    detail: str = ""
    event: int | None = None
    """Number of the SSE event it happened at, from 0."""


@dataclass(frozen=True, slots=True)
class Response:
    """One answer, whole."""

    id: str = ""
    model: str = ""
    parts: tuple[Part, ...] = ()
    stop: StopReason | None = None
    raw_stop: str | None = None
    """The endpoint's own stop reason."""
    usage: Usage | None = None
    failure: Failure | None = None
    complete: bool = True
    """False where the stream ended without its terminal event and without a stop reason."""
    repairs: tuple[Repair, ...] = ()

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """The tool calls, in order."""
        return tuple(part for part in self.parts if isinstance(part, ToolCall))

    @property
    def text(self) -> str:
        """All text parts, joined."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))


# ---- what a stream is read into -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Started:
    """The answer began. At most once, first."""

    id: str
    model: str
    usage: Usage | None = None
    """Messages reports input tokens here already."""


@dataclass(frozen=True, slots=True)
class PartOpened:
    """A part began. `part` holds what is known so far (an id and a name, an empty text). Indices count from 0."""

    index: int
    part: Text | Thinking | ToolCall | Opaque


@dataclass(frozen=True, slots=True)
class PartDelta:
    """More text, reasoning or arguments for an open part."""

    index: int
    text: str


@dataclass(frozen=True, slots=True)
class PartClosed:
    """A part is complete. `signature` completes a Thinking, where the endpoint gives one."""

    index: int
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class Stopped:
    """Why the model stopped. At most once, after the parts."""

    reason: StopReason
    raw: str


@dataclass(frozen=True, slots=True)
class Counted:
    """Usage. May come several times; fields that are not None replace earlier ones."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class Failed:
    """An error inside the stream."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Ended:
    """The stream is over. Always last, exactly once. `clean`: the API's own terminal marker was seen."""

    clean: bool


Event = Started | PartOpened | PartDelta | PartClosed | Stopped | Counted | Failed | Ended


# ---- how a request is written for one endpoint -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Dialect:
    """What an endpoint does differently from the plain wire API. Filled from the ``[dialect]`` table of its adapter."""

    reasoning_field: Literal["reasoning_content", "reasoning", "reasoning_details", "none"] = "reasoning_content"
    """The field in which a chat endpoint expects earlier reasoning."""
    replay: Literal["required", "wanted", "unused", "unknown"] = "unknown"
    """Without earlier reasoning, a conversation is rejected, answered worse, or answered the same."""
    thinks: Literal["on", "off", "always", "model"] = "model"
    """Whether it thinks by default; ``model``: that depends on the model."""
    thinking_switch: Literal[
        "none", "thinking", "enable_thinking", "reasoning_effort", "thinking+effort", "reasoning"
    ] = "none"
    """The request's setting for reasoning: ``thinking: {type}``, ``enable_thinking``, ``reasoning_effort``, the first
    and the third, ``reasoning: {enabled, effort}``."""
    efforts: tuple[str, ...] = ("low", "medium", "high")
    """Efforts that the endpoint accepts, rising; others become the nearest."""
    developer_role: bool = False
    """Chat accepts role ``developer``; else it becomes ``system``."""
    system_anywhere: bool = True
    """System messages are allowed anywhere in the conversation; else later ones become ``user`` messages."""
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    stream_usage: bool = True
    """Ask for usage in streams by ``stream_options.include_usage``."""
    unsigned_thinking: bool = True
    """Messages accepts thinking blocks that carry no signature of its own."""
    forced_calls: Literal["accepted", "without thinking", "refused", "ignored"] = "accepted"
    """How the choices ``required`` and named are handled; those that are not accepted are sent as ``auto``."""


PLAIN = Dialect()


@dataclass(frozen=True, slots=True)
class Rendered:
    """A request's JSON for one API, and the losses of the translation."""

    body: dict[str, Any]
    losses: tuple[str, ...] = ()
    """One short sentence each, for instance ``server tool web_search dropped``."""
