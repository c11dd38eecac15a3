"""Connections: may they be kept, how do responses end on them, and does the endpoint stop when the client leaves?"""

import asyncio
import time

from toolworthy.wire.ir import Request
from toolworthy.work.probes import EVERY_AGENT, Ask, Broken, Ignored, Unmeasured, probe

PAUSE = 1.8
"""Seconds without a request. Servers close idle connections after 2 s and more, which clients expect."""
LONG = 1.0
"""Seconds that a response must go on, so that it can be left."""
PATIENCE = 5.0
"""Seconds that an endpoint has to notice that its client has left."""
SPAN = 8.0
"""Seconds that a response is to take, where the endpoint's speed is known."""
WORD_TOKENS = 3
SHORT = "Reply with exactly: Hello."


@probe("a reused connection", modes="whole", severity="degrades", agents=EVERY_AGENT, once=True)
async def test_kept_connection(ask: Ask) -> None:
    """The second request on a connection is answered like the first, also after 1.8 s of silence."""
    lost: list[str] = []
    for _ in range(2):
        trips, pauses = await ask.trips(PAUSE)
        if trips[0].error:
            raise Unmeasured(f"a plain request fails on a connection of its own: {trips[0].error}")
        for heard in filter(None, pauses):
            raise Broken(f"{len(heard)} bytes follow the end of a response: {heard[:60]!r}")
        if b"" in pauses:
            raise Ignored(f"the connection closes within {PAUSE} s of a response without connection: close")
        if not trips[-1].error:
            return
        lost.append(trips[-1].error)
    raise Broken(f"the second request on a connection fails in 2 of 2 attempts: {lost[0]}; the first one succeeds")


@probe("responses in HTTP/1.1 with a length or chunks", modes="stream", severity="cosmetic", once=True)
async def test_response_framing(ask: Ask) -> None:
    """A response says where it ends: HTTP/1.1 with content-length or chunks, or HTTP/2."""
    (trip, *_), _ = await ask.trips(0.0, times=1)
    headers = trip.headers or {}
    framing = " or ".join(name for name in ("content-length", "transfer-encoding") if name in headers)
    if trip.version == "HTTP/1.0" and "transfer-encoding" in headers:
        raise Broken("HTTP/1.0 with transfer-encoding: clients read the chunk sizes as text")
    if trip.version == "HTTP/1.0":
        raise Ignored(f"the response to HTTP/1.1 is HTTP/1.0, with {framing or 'neither length nor chunks'}")
    if trip.version == "HTTP/1.1" and not framing:
        raise Ignored("the response has neither content-length nor chunks: a broken connection looks like its end")


@probe(
    "generation stops when the client disconnects",
    modes="stream",
    severity="degrades",
    agents=EVERY_AGENT,
    situation="interrupted-turn",
    late=True,
    once=True,
)
async def test_client_leaves(ask: Ask) -> None:
    """Who interrupts an agent wants no more of the response; a server that goes on keeps the next request waiting. It
    shows on a page that counts running requests, or where requests are answered one after the other. The client leaves
    when the response has begun, and once as soon as its request is sent: a fast server is done before it begins."""
    rate = ask.surface.knowledge.speed.rate
    words = 200 if rate is None else int(min(max(rate * SPAN / WORD_TOKENS, 60), 200))
    text = ", ".join(f"word {number}" for number in range(words))
    long = ask.request(f"Reply with exactly: {text}", stream=True, max_tokens=ask.room(4 * WORD_TOKENS * words))
    first, end = await ask.timed(long)
    rest = end - first
    before = await ask.running() if rest >= LONG else None
    alone = 0.0 if before is not None else (await ask.timed(ask.request(SHORT)))[1]
    for unread in (False, True):
        if before is None:
            await unhindered(ask, long, alone, max(rest / 2, LONG), unread)
            continue
        async with ask.begun(long, unread=unread):
            pass
        await stopped(ask, before, min(rest / 2, PATIENCE))
    if before is not None or rest < LONG:  # else it is over before anybody can leave, and nothing waits for it
        return
    if not ask.several:
        raise Unmeasured(
            "only one request at a time may be sent, and neither /slots nor /metrics counts the running ones"
        )
    async with ask.begun(long):
        busy = (await ask.timed(ask.request(SHORT)))[1]
    if busy - alone <= rest / 2:  # else one at a time, and it did not wait for what was left
        raise Unmeasured("requests are served in parallel, and neither /slots nor /metrics counts the running ones")


async def unhindered(ask: Ask, long: Request, alone: float, late: float, unread: bool) -> None:
    """Leave a request, and demand that the next one need not wait.

    Args:
        ask: the probe's way to the endpoint.
        long: what is left.
        alone: seconds that the next request takes where nothing was left.
        late: seconds more than that which count as waiting.
        unread: whether it is left before its response begins.

    Raises:
        Broken: it waits, twice.
        Unmeasured: it waits once.
    """
    short, waited = ask.request(SHORT), []
    for attempt in range(4):  # a fast server may be done before it can notice
        async with ask.begun(long, unread=unread):
            pass
        took = (await ask.timed(short))[1]
        if took - alone >= late:
            waited.append(took)
        if len(waited) == 2:
            waits = " and ".join(f"{took:.1f} s" for took in waited)
            raise Broken(f"after the client disconnects, the next request takes {waits} instead of {alone:.1f} s")
        if attempt and not waited:
            return
    raise Unmeasured(f"after the client disconnects, the next request takes {waited[0]:.1f} s in 1 of 4 attempts")


async def stopped(ask: Ask, before: int, seconds: float) -> None:
    """Wait until as few requests run as before.

    Raises:
        Broken: they do not within so many seconds.
    """
    began = time.monotonic()
    while (now := await ask.running()) is not None and now > before:
        if time.monotonic() - began > seconds:
            raise Broken(
                f"{seconds:.1f} s after the client disconnects, the endpoint still counts the request as running"
            )
        await asyncio.sleep(seconds / 20)
