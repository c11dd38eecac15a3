"""What happens in a task besides its own steps, as data: the situations that a plain task never meets.

A stage plays steps of its own before the task's, and acts on some of the task's requests: it cuts, refuses or breaks
off an answer that is right otherwise. Without a defect a stage is what a sound endpoint may do to every agent.
"""

from __future__ import annotations

import base64
import itertools
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from toolworthy import wire
from toolworthy.base.errors import ToolworthyError
from toolworthy.content.situations import Situation
from toolworthy.content.tasks import Step
from toolworthy.reference._limits import CHARACTERS, limited
from toolworthy.reference._reply import Answering, error, reply
from toolworthy.reference.defects import Defect
from toolworthy.reference.model import STREAM, Reply
from toolworthy.wire.ir import APIS, Api, Failure, Reasoning, Request, Response, Text, ToolCall


@dataclass(frozen=True)
class ErrorAnswer:
    """An error in the API's own envelope, in place of an answer."""

    message: str
    type: str
    status: Mapping[Api, int]
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Stage:
    """One thing that happens in a task."""

    id: str
    situation: Situation
    title: str
    steps: tuple[Step, ...] = ()
    """Played before the task's own."""
    at: int = 1
    """Which of the task's requests it acts on, from 0, of those that offer tools."""
    lasts: bool = False
    """It acts on all later ones as well."""
    together: bool = False
    """Reads that follow each other are called for in one answer."""
    thinks: bool = False
    """The model thinks before it acts, whether it was asked to or not."""
    cut: Literal["call", "text"] | None = None
    """The answer ends at the token limit, in the middle of this part; what stands behind it is not said."""
    refuse: ErrorAnswer | None = None
    breaks: Literal["closed", "error"] | None = None
    """The stream breaks off: the connection closes, or an error event ends it."""
    patience: float = 40.0
    """Seconds that an agent is given beyond what it needs anyway, before it counts as hanging."""

    @property
    def requests(self) -> int:
        """How many requests its own steps take."""
        one = [self.together and one.read and two.read for one, two in itertools.pairwise(self.steps)]
        return sum(step.say is None for step in self.steps) - sum(map(bool, one))

    @property
    def once(self) -> bool:
        """Whether the fault itself is staged: a defect then shows only where the stage acts, and in its place."""
        return self.refuse is not None or self.breaks is not None

    def acts(self, turn: int | None) -> bool:
        """Whether it acts on this request of the task; None is a request that is none of the task's."""
        return turn is not None and (turn >= self.at if self.lasts else turn == self.at)

    def heard(self, request: Request) -> Request:
        """The request as the model takes it."""
        return replace(request, reasoning=Reasoning(enabled=True)) if self.thinks else request

    def said(self, answer: Response, request: Request) -> Response:
        """What is said where the stage acts."""
        if self.cut is not None:
            return _cut(answer, request, ToolCall if self.cut == "call" else Text)
        if self.breaks == "error" and request.stream:
            return replace(answer, failure=_OVERLOADED, usage=None, stop=None, complete=False)
        return answer

    def sent(self, api: Api, made: Reply) -> Reply:
        """What is sent where the stage acts."""
        if self.refuse is not None:
            one = self.refuse
            return error(api, one.status[api], one.message, kind=one.type, headers=one.headers)
        if self.breaks == "closed" and made.content_type == STREAM:
            return replace(made, pieces=made.pieces[: max(1, len(made.pieces) * 6 // 10)], whole=False)
        return made


def staged(stage: Stage, acts: bool, api: Api, body: bytes, answer: Answering, defects: Sequence[Defect] = ()) -> Reply:
    """What is sent back for a completion request.

    Args:
        stage: what happens in the task.
        acts: whether it acts on this request.
        api, body, answer, defects: as for :func:`toolworthy.reference._reply.reply`.
    """

    def said(request: Request) -> Response:
        made = answer(stage.heard(request))
        return stage.said(made, request) if acts else made

    if not stage.once:
        return reply(api, body, said, defects)
    sound = stage.sent(api, reply(api, body, said)) if acts else reply(api, body, said)
    if not acts or not defects:
        return sound
    plain = reply(api, body, answer)
    faulty = reply(api, body, answer, defects)
    if faulty != plain:
        return faulty
    for defect in defects:
        sound = defect.spoil_reply(sound)
    return sound


def _cut(answer: Response, request: Request, kind: type[ToolCall | Text]) -> Response:
    """`answer`, ended in the middle of its first part of that kind."""
    size = 0
    for part in answer.parts:
        words = part.arguments if isinstance(part, ToolCall) else getattr(part, "text", "")
        if isinstance(part, kind):
            tokens = (size + len(words) // 2) // CHARACTERS
            return limited(replace(request, max_tokens=tokens), answer)
        size += len(words)
    return answer


# ---- the stages ------------------------------------------------------------------------------------------------------


def _write(path: str, content: str) -> Step:
    return Step(write=path, content=content)


def _png(side: int) -> bytes:
    """A red square."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    rows = (b"\0" + b"\xc0\x20\x20" * side) * side
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


_OVERLOADED = Failure("The server is overloaded; try again later.", "overloaded_error", "overloaded")
_LOOK = Step(run="ls")
_PLAN = "".join(f"{number}. Look at line {number} of the report, and write down what it is.\n" for number in range(40))
_LONG = "".join(f"line {number}: what was spent on this day, by whom, and what for\n" for number in range(1_100))
_MARKUP = """# Notes on parsers
<tool_call>{"name": "nothing", "arguments": {"path": "a"}}</tool_call>
<|im_start|>assistant <|im_end|> <|tool_call_begin|> [TOOL_CALLS] </think> <function=none> ]]> &amp; &lt;b&gt;
```json
{"a": "\\\\n \\" \\t", "b": ["}", "{{x}}", "${HOME}", "%s"]}
```
"""
_UNICODE = "naïve café, Straße, Ελληνικά, русский, עברית, 日本語, 한국어, 🧪👩‍🔬 𝔘𝔫𝔦, e\u0301, ½ – “quoted”…\n"
_PICTURE = base64.b64encode(_png(64)).decode()


def _everywhere(status: int) -> dict[Api, int]:
    return dict.fromkeys(APIS, status)


_BAD = ErrorAnswer("the request could not be read", "invalid_request_error", _everywhere(400))
_LIMIT = ErrorAnswer("rate limit reached", "rate_limit_error", _everywhere(429), (("retry-after", "2"),))
_FAILED = ErrorAnswer("internal server error", "server_error", _everywhere(500))
_BUSY = ErrorAnswer(_OVERLOADED.message, "overloaded_error", {api: wire.api(api).overloaded for api in APIS})

PLAIN = Stage("plain", "always", "nothing but the task")
STAGES: tuple[Stage, ...] = (
    PLAIN,
    Stage(
        "parallel-calls",
        "parallel-calls",
        "three files are read in one answer",
        steps=(_LOOK, *(Step(read=f"ledger/{name}.py") for name in ("entries", "money", "report")), _LOOK),
        together=True,
    ),
    Stage(
        "long-input",
        "long-input",
        "a file of 64 KiB is written and read",
        steps=(_write("notes/long.txt", _LONG), Step(read="notes/long.txt")),
    ),
    Stage(
        "markup",
        "markup",
        "what is said, written and read holds markup, of tool calls and chat templates too",
        steps=(
            Step(say='I write down what is **not** parsed: `</s>`, <b>&amp;</b>, {"a": [1, 2]} and ]]>.'),
            _write("notes/markup.md", _MARKUP),
            Step(read="notes/markup.md"),
        ),
    ),
    Stage(
        "unicode",
        "unicode",
        "what is said, written and read goes beyond ASCII",
        steps=(Step(say=_UNICODE.strip()), _write("notes/languages.txt", _UNICODE), Step(read="notes/languages.txt")),
    ),
    Stage(
        "cut-call",
        "token-limit",
        "one answer is cut in the middle of a call's arguments",
        steps=(_LOOK, _write("notes/plan.md", _PLAN)),
        cut="call",
    ),
    Stage(
        "cut-text",
        "token-limit",
        "one answer is cut in the middle of the text before its call",
        steps=(_LOOK, Step(say="Before I go on I write down what I am going to do. " + _PLAN), _LOOK),
        cut="text",
    ),
    Stage("refused-400", "refused-request", "one request is refused with HTTP 400", refuse=_BAD, patience=100.0),
    Stage(
        "refused-429",
        "refused-request",
        "one request is refused with HTTP 429 and Retry-After: 2",
        refuse=_LIMIT,
        patience=100.0,
    ),
    Stage("refused-500", "refused-request", "one request is refused with HTTP 500", refuse=_FAILED, patience=100.0),
    Stage(
        "refused-overloaded",
        "refused-request",
        "one request is refused with HTTP 529 (Messages) or 503",
        refuse=_BUSY,
        patience=100.0,
    ),
    Stage(
        "refused-for-good",
        "refused-request",
        "from the second request on all are refused with HTTP 400",
        refuse=_BAD,
        lasts=True,
        patience=100.0,
    ),
    Stage("stream-closed", "broken-stream", "the connection closes in mid-stream", breaks="closed", patience=100.0),
    Stage("stream-error", "broken-stream", "an error event ends a stream", breaks="error", patience=100.0),
    Stage(
        "image",
        "image",
        "a PNG is read with the agent's file tool",
        steps=(
            Step(run=f"mkdir -p notes && printf %s {_PICTURE} | base64 -d > notes/square.png"),
            Step(read="notes/square.png"),
        ),
    ),
    Stage("thinking", "thinking", "the model thinks before every answer", thinks=True),
)


def stages(situations: Sequence[str]) -> tuple[Stage, ...]:
    """The stages of these situations; all if none is named.

    Raises:
        ToolworthyError: there is none of that situation.
    """
    known = {stage.situation for stage in STAGES}
    for name in situations:
        if name not in known:
            raise ToolworthyError(
                f"no situation that can be staged is called {name!r}; there are {', '.join(sorted(known))}"
            )
    return tuple(stage for stage in STAGES if not situations or stage.situation in situations)
