"""Queries as clients send them, through the whole path of a house."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from resolver.protocol.codes import Flag
from resolver.protocol.transport import Client, Transport
from resolver.protocol.wire import build_query, parse_untrusted

if TYPE_CHECKING:
    from resolver.model import Question
    from resolver.protocol.edns import Edns
    from resolver.protocol.message import Message
    from tests.recurse.household import House

CLIENT = Client("127.0.0.1", 5353, Transport.UDP, "127.0.0.1")
SOURCE = b"\x7f\0\0\1"


def octets(asked: Question, *, flags: int = Flag.RD, edns: Edns | None = None) -> bytes:
    """The query of a client that asks *asked*."""
    qname, qtype, qclass = asked
    return build_query(id=7, qname=qname, qtype=qtype, qclass=qclass, flags=flags, edns=edns)


async def replied(home: House, data: bytes, client: Client = CLIENT) -> bytes:
    """The reply to *data* from the whole path."""
    replies: list[bytes | None] = []
    done = trio.Event()

    def respond(reply: bytes | None) -> None:
        replies.append(reply)
        done.set()

    home.pipeline.start(data, client, respond)
    await done.wait()
    assert replies[0] is not None
    return replies[0]


async def read(home: House, data: bytes, client: Client = CLIENT) -> Message:
    """The same, as a message."""
    return parse_untrusted(await replied(home, data, client))
