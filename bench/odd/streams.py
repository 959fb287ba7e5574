"""How odd servers treat a TCP connection: the same on real sockets and on virtual ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from resolver.lab.virtual_parts import Delayed
from resolver.lab.virtual_streams import receive_message

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.odd.making import Sent

DRIP_S = 0.005  # an octet: a signed answer takes two seconds
REFUSED, DEAD = "refused", "dead"  # nobody listens; nobody is there


async def serve(
    stream: trio.abc.HalfCloseableStream,
    says: Callable[[bytes], Sequence[Sent]],
    manner: str,
    rtt_s: float,
) -> None:
    """One connection from its first octet to its end, in the *manner* of an oddity."""
    try:
        async with stream:
            if manner == "closes":
                return
            while (query := await receive_message(stream)) is not None:
                await trio.sleep(rtt_s)
                for reply in says(query):
                    await _say(stream, reply, manner)
                if manner in {"closes after length", "wrong length", "one query"}:
                    return
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        return


async def _say(stream: trio.abc.SendStream, reply: Sent, manner: str) -> None:
    if isinstance(reply, Delayed):
        await trio.sleep(reply.after_s)
    data = reply if isinstance(reply, bytes) else reply.data
    framed = len(data).to_bytes(2, "big") + data
    match manner:
        case "mute":
            await trio.sleep_forever()
        case "drip":
            for at in range(len(framed)):
                await stream.send_all(framed[at : at + 1])
                await trio.sleep(DRIP_S)
        case "closes after length":
            await stream.send_all(framed[:2])
        case "wrong length":
            await stream.send_all((len(data) + 40).to_bytes(2, "big") + data)
        case _:
            await stream.send_all(framed)
