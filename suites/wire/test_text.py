"""Conversations without tools: does the endpoint take what agents send, and does what it says come through?"""

from toolworthy import wire
from toolworthy.wire.ir import Image, Message, Text
from toolworthy.work.probes import EVERY_AGENT, Ask, Broken, Ignored, Unmeasured, damage, probe
from toolworthy.work.probes.ask import message, user
from toolworthy.work.probes.material import BLUE, CODE, TOOLS

UNICODE = "naïve café, 你好, привет, 🎉👩🏽‍💻, ∑ ≠ ∞ and “quotes”"


@probe("a plain text response", severity="blocks", agents=EVERY_AGENT, tier="quick")
async def test_plain_answer(ask: Ask) -> None:
    """One user message, one answer with text."""
    await ask.says("Hello, this is a test.")


@probe("non-ASCII text", modes="stream-first", severity="degrades", agents=EVERY_AGENT, situation="unicode")
async def test_unicode_text(ask: Ask) -> None:
    """Accents, CJK, Cyrillic, emoji of several code points, typographic quotes: as said, however the stream is cut."""
    heard = []
    for _ in range(2):
        answer = await ask.says(UNICODE)
        if UNICODE in answer.text:
            return
        heard.append(damage.text(UNICODE, answer.text.strip()))
    if heard[0] and heard[0] == heard[1]:
        raise Broken(f"2 of 2 texts arrived {heard[0]}")
    raise Unmeasured(f"the model says something else: {answer.text[:80]!r}")


@probe("a system message", modes="stream", severity="blocks", agents=EVERY_AGENT)
async def test_system_message(ask: Ask) -> None:
    """The model knows what the system message says, in a request with tools, as agents' all are."""
    messages = message("system", f"You are a helpful assistant. {CODE}"), user("Hello.")
    try:
        await ask.knows(*messages, tools=TOOLS)
    except Ignored as lost:
        await ask.knows(*messages)
        raise Ignored(f"{lost}, where tools are offered; without tools it knows the word") from lost


@probe("a long system message", modes="stream", severity="blocks", agents=EVERY_AGENT, situation="long-input")
async def test_long_system_message(ask: Ask) -> None:
    """An agent's instructions are long; their beginning must not be cut away. 16 KiB here."""
    filler = "You write careful code and keep to the style of the files around it. " * 230
    await ask.knows(message("system", f"{CODE} {filler}"), user("Hello."))


@probe("the role developer", "chat", "responses", modes="stream", agents=("codex",), situation="field")
async def test_developer_role(ask: Ask) -> None:
    """OpenAI's newer name for the system's role, which Codex sends."""
    await ask.knows(message("developer", f"You are a helpful assistant. {CODE}"), user("Hello."))


@probe("several system messages at the start", modes="stream", agents=("opencode", "claude-code"), situation="field")
async def test_several_system_messages(ask: Ask) -> None:
    """Agents split their instructions; every part must be seen."""
    await ask.knows(
        message("system", f"You are a helpful assistant. {CODE}"), message("system", "Be brief."), user("Hello.")
    )


@probe("a system message mid-conversation", modes="stream", agents=("claude-code",), situation="field")
async def test_system_mid_conversation(ask: Ask) -> None:
    """Reminders come as system messages between the turns; chat templates often refuse them, or move or drop them."""
    await ask.knows(
        message("system", "You are a helpful assistant."),
        user("Hello."),
        message("assistant", "Hello! What can I do?"),
        message("system", CODE),
    )


@probe(
    "two user messages in a row", modes="stream", severity="blocks", agents=EVERY_AGENT, situation="interrupted-turn"
)
async def test_consecutive_roles(ask: Ask) -> None:
    """Agents add context as a message of its own; templates that want strict alternation fail here."""
    await ask.knows(user(f"Some context: {CODE}"), user("Hello."))


@probe("two assistant messages in a row", modes="whole", situation="interrupted-turn")
async def test_consecutive_assistants(ask: Ask) -> None:
    """An interrupted turn leaves two answers without a question between them."""
    await ask.knows(user("Hello."), message("assistant", "Hello!"), message("assistant", CODE))


@probe("several turns", modes="stream", severity="blocks", agents=EVERY_AGENT)
async def test_multi_turn(ask: Ask) -> None:
    """What was said turns ago is still known."""
    await ask.knows(
        user(CODE), message("assistant", "I see."), user("What is 2 + 2?"), message("assistant", "4"), user("Good.")
    )


@probe("content in parts", modes="stream", severity="blocks", agents=EVERY_AGENT, situation="field")
async def test_content_parts(ask: Ask) -> None:
    """Content as a list of parts, of which every one counts."""
    body = ask.body(ask.request(user("x")))
    api = wire.api(ask.api)
    parts = [{**api.text_part, "text": text} for text in (CODE, "Hello.", "Reply with nothing but the code word.")]
    answer = await ask.accepted({**body, api.conversation: [{"role": "user", api.parts: parts}]})
    if "kestrel-47" not in answer.text:
        if ask.surface.obeys:
            raise Broken(f"the model does not know the first of three parts: {answer.text[:80]!r}")
        raise Unmeasured(f"the model says {answer.text[:80]!r}")


@probe("an empty message", "chat", modes="whole", situation="bad-request")
async def test_empty_message(ask: Ask) -> None:
    """An assistant's message without a word stays in the history when it was cut off."""
    body = ask.body(ask.request(user("Reply with exactly: Hello.")))
    history = [{"role": "user", "content": "Hello."}, {"role": "assistant", "content": ""}]
    await ask.accepted({**body, "messages": [*history, *body["messages"]]})


@probe("a prefilled assistant message", "chat", "messages", modes="whole", situation="field")
async def test_assistant_prefill(ask: Ask) -> None:
    """The conversation ends with the beginning of the answer (prefill)."""
    await ask.accepted(ask.request(user("Count from one to five."), message("assistant", "one, two,")))


@probe("an image in a user message", modes="whole", situation="image")
async def test_image_input(ask: Ask) -> None:
    """Screenshots. A model without eyes must say so, not fail."""
    prompt = Message("user", (Text("Reply with exactly: Hello."), Image(BLUE)))
    await ask.accepted(ask.request(prompt))


@probe("64 KiB of text", modes="stream", severity="blocks", agents=EVERY_AGENT, situation="long-input")
async def test_long_input(ask: Ask) -> None:
    """A file that was read. What stands before it is still known."""
    text = "def function(argument):\n    return argument * 2\n" * 1_400
    await ask.knows(user(f"{CODE}\n\n{text}"))


@probe(
    "characters that break JSON or templates",
    modes="stream",
    severity="degrades",
    agents=EVERY_AGENT,
    situation="markup",
)
async def test_odd_characters(ask: Ask) -> None:
    """Control characters, a lone NUL's picture, template braces and chat markers, as they stand in source files."""
    odd = "{{ user }} {% raw %} <|im_start|> [INST] \\u0000 \x0b \x7f \u2028 </s> <think>"
    await ask.knows(user(f"A file with odd characters: {odd}"), message("assistant", "I see."), user(CODE))
