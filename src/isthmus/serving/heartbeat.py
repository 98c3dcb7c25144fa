"""Shows a waiting client that its stream is alive.

The head of a stream is held back while the upstream has shown no content, so that a failure can
still be a plain HTTP status. Not for ever: clients and proxies give up on silence.
"""

from __future__ import annotations

import asyncio

from isthmus.serving.reply import Reply
from isthmus.wire.sse import comment

HEAD_HOLD = 10.0
INTERVAL = 15.0
KEEP_ALIVE = comment("keep-alive")


async def beat(reply: Reply, sign: bytes = KEEP_ALIVE) -> None:
    """Send the head after `HEAD_HOLD` seconds, then ``sign`` after every `INTERVAL` of silence.

    Runs until it is cancelled.
    """
    await asyncio.sleep(HEAD_HOLD)
    if not reply.started:
        await reply.start_events()
        await reply.events(sign)
    now = asyncio.get_running_loop().time
    while not reply.finished:
        silence = now() - reply.last_write
        if silence >= INTERVAL:
            await reply.events(sign)
            silence = 0.0
        await asyncio.sleep(INTERVAL - silence)
