"""TCP in the virtual Internet: memory streams, and servers that read messages from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio
import trio.testing

from resolver.lab.virtual_parts import as_delayed

if TYPE_CHECKING:
    from resolver.lab.virtual_parts import Address, Answerer, Carrier


def stream_pair() -> tuple[trio.abc.HalfCloseableStream, trio.abc.HalfCloseableStream]:
    return trio.testing.memory_stream_pair()


async def receive_exactly(stream: trio.abc.ReceiveStream, size: int) -> bytes | None:
    data = b""
    while len(data) < size:
        chunk = await stream.receive_some(size - len(data))
        if not chunk:
            return None
        data += chunk
    return data


async def receive_message(stream: trio.abc.ReceiveStream) -> bytes | None:
    """One DNS message (RFC 7766 §8), or None at the end of the stream."""
    prefix = await receive_exactly(stream, 2)
    return None if prefix is None else await receive_exactly(stream, int.from_bytes(prefix, "big"))


async def send_message(stream: trio.abc.SendStream, data: bytes) -> None:
    await stream.send_all(len(data).to_bytes(2, "big") + data)


async def serve_stream(
    network: Carrier,
    answerer: Answerer,
    stream: trio.abc.HalfCloseableStream,
    source: Address,
    destination: Address,
    one_way_s: float,
) -> None:
    """An attached server's side of one connection: one message after the other, in order."""
    try:
        async with stream:
            while (query := await receive_message(stream)) is not None:
                network.observe(query, source, destination, "tcp")
                replies = as_delayed(answerer.answer(query, "tcp", source[0]))
                await trio.sleep(2 * one_way_s)
                for reply in replies:
                    await trio.sleep(reply.after_s)
                    network.observe(reply.data, destination, source, "tcp")
                    await send_message(stream, reply.data)
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        return
